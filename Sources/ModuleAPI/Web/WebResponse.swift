public import MatrixCore

/// What a ``WebResource`` answers.
///
/// The client gets exactly these headers, besides `Server`, `Date` and those that say where the body ends. Pages that scripts
/// of other sites are to read need ``withCORS``.
public struct WebResponse: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Written piece by piece while it is sent.
        ///
        /// It is called once, whatever happens: if nobody wants the body (the request was HEAD, the client hung up), the first
        /// write throws. An error thrown here breaks the connection off, so that the client can tell.
        case stream(@Sendable (WebBodyWriter) async throws -> Void)
    }

    /// From 200 to 599.
    public var status: Int
    /// The words after the status; `nil` for the usual ones.
    public var reason: String?
    public var headers: HTTPHeaders
    public var body: Body

    public init(status: Int = 200, reason: String? = nil, headers: HTTPHeaders = [:], body: Body = .bytes([])) {
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
    }

    /// Answers with a JSON object, which scripts of any site may read.
    public static func json(_ object: JSONObject, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status,
            headers: [
                "Content-Type": "application/json", "Cache-Control": "no-cache, no-store, must-revalidate",
            ], body: .bytes(object.encoded())
        ).withCORS
    }

    /// Answers with a page, which no other site may show in a frame.
    public static func html(_ page: String, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status,
            headers: [
                "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache, no-store, must-revalidate",
                "X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none';",
            ], body: .bytes(Array(page.utf8)))
    }

    /// Answers with plain text.
    public static func text(_ text: String, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }

    /// Sends the client to another address.
    public static func redirect(to location: String, status: Int = 302) -> WebResponse {
        WebResponse(status: status, headers: ["Location": location])
    }

    /// Answers with an error, as Matrix clients know it.
    public static func error(_ error: MatrixError) -> WebResponse {
        var response = json(error.body, status: error.status)
        for field in error.headers { response.headers.add(field.name, field.value) }
        return response
    }

    /// Refuses a method, 405 `M_UNRECOGNIZED`.
    /// - Parameter allowed: The methods there are.
    public static func methodNotAllowed(_ allowed: [String]) -> WebResponse {
        var response = error(MatrixError(status: 405, code: .unrecognized, message: "Unrecognized request"))
        response.headers["Allow"] = allowed.joined(separator: ", ")
        return response
    }

    /// This answer, for scripts of any site to read.
    public var withCORS: WebResponse {
        var response = self
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "X-Requested-With, Content-Type, Authorization, Date"
        response.headers["Access-Control-Expose-Headers"] = "Synapse-Trace-Id, Server"
        return response
    }
}

/// Where the body of a ``WebResponse`` is written to.
public struct WebBodyWriter: Sendable {
    private let send: @Sendable ([UInt8]) async throws -> Void

    public init(_ send: @escaping @Sendable ([UInt8]) async throws -> Void) { self.send = send }

    /// Sends some bytes; returns when the client keeps up.
    /// - Throws: If nobody reads them any more, or wants any.
    public func write(_ bytes: [UInt8]) async throws { try await send(bytes) }

    public func write(_ text: String) async throws { try await send(Array(text.utf8)) }
}
