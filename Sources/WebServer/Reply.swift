package import MatrixCore

/// What a handler answers.
///
/// The server adds `Date`, `Server`, the length of the body and the CORS headers; a header given here takes the place of one
/// of the same name.
package struct Reply: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Written piece by piece while it is sent; see ``Reply/stream(status:contentType:headers:_:)``.
        case stream(Stream)
    }

    /// Writes a body.
    ///
    /// It is called once, whatever happens: if nobody wants the body (the request was HEAD, the status has none, the client
    /// hung up), the first write throws. An error thrown here breaks the connection off, so that the client can tell.
    package typealias Stream = @Sendable (BodyWriter) async throws -> Void

    /// Which headers the server adds.
    package enum Headers: Sendable {
        /// All of them.
        case standard
        /// Only `Server`, `Date` and how the body is delimited: for answers that bring their own, as those of modules do.
        case verbatim
    }

    package var status: Int
    /// The words after the status; `nil` for the usual ones.
    package var reason: String?
    /// `nil` if there is no body to speak of.
    package var contentType: String?
    package var headers: [HeaderField]
    package var added = Headers.standard
    package var body: Body

    package init(status: Int, contentType: String? = nil, headers: [HeaderField] = [], body: [UInt8] = []) {
        self.init(status: status, contentType: contentType, headers: headers, body: .bytes(body))
    }

    package init(status: Int, contentType: String? = nil, headers: [HeaderField] = [], body: Body) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    /// How many bytes the body has, if it is there.
    var byteCount: Int { if case .bytes(let bytes) = body { bytes.count } else { 0 } }

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

    /// Answers with a body that is written while it is sent.
    ///
    /// If `headers` name a `Content-Length`, exactly so many bytes have to be written. Else the body is sent in chunks, or to
    /// the end of the connection if the client speaks HTTP/1.0.
    package static func stream(
        status: Int = 200, contentType: String?, headers: [HeaderField] = [], _ stream: @escaping Stream
    ) -> Reply {
        Reply(status: status, contentType: contentType, headers: headers, body: .stream(stream))
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

/// Where a ``Reply/Stream`` writes to.
package struct BodyWriter: Sendable {
    let send: @Sendable ([UInt8]) async throws -> Void

    /// Sends some bytes. It returns when the client keeps up, so memory does not fill with what was not read.
    /// - Throws: ``ClientHungUp``, ``BodyNotWanted``, ``BodyLengthMismatch``, or `CancellationError` when the server stops.
    package func write(_ bytes: [UInt8]) async throws { try await send(bytes) }
}

/// The answer has no body, as for HEAD: nothing need be written.
package struct BodyNotWanted: Error {}

/// More was written than `Content-Length` says, or less.
package struct BodyLengthMismatch: Error {}
