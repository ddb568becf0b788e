package import MatrixCore

/// What a handler answers.
///
/// The server adds `Date`, `Server`, `Content-Length` and the CORS headers; a header given here takes the place of one
/// of the same name.
///
/// The body is whole and in memory, which suits every answer but media. Streaming media will make `body` a choice between
/// these bytes and an asynchronous sequence of buffers; the connection already waits for a slow client to read.
package struct Reply: Sendable {
    package var status: Int
    /// `nil` if there is no body to speak of.
    package var contentType: String?
    package var headers: [HeaderField]
    package var body: [UInt8]

    package init(status: Int, contentType: String? = nil, headers: [HeaderField] = [], body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    static let jsonType = "application/json"

    /// Answers with a JSON object.
    package static func json(_ object: JSONObject, status: Int = 200) -> Reply {
        Reply(status: status, contentType: jsonType, body: object.encoded())
    }

    /// Answers with JSON text that is encoded already.
    package static func json(bytes: [UInt8], status: Int = 200) -> Reply {
        Reply(status: status, contentType: jsonType, body: bytes)
    }

    /// Answers with a page, which no other site may show in a frame.
    package static func html(_ page: String, status: Int = 200) -> Reply {
        Reply(
            status: status, contentType: "text/html; charset=utf-8",
            headers: [
                HeaderField("X-Frame-Options", "DENY"),
                HeaderField("Content-Security-Policy", "frame-ancestors 'none';"),
            ],
            body: Array(page.utf8))
    }

    /// Answers with plain text.
    package static func text(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    /// Sends the client to another address.
    package static func redirect(to location: String, status: Int = 302) -> Reply {
        Reply(status: status, headers: [HeaderField("Location", location)])
    }

    /// Answers with an error.
    package static func error(_ error: MatrixError) -> Reply {
        Reply(status: error.status, contentType: jsonType, headers: error.headers, body: error.body.encoded())
    }
}

/// A header of an answer.
package typealias HeaderField = MatrixError.HeaderField
