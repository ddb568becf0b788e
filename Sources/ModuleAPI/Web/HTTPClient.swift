public import MatrixCore

/// Requests of modules to other servers. Synapse's `http_client`.
///
/// Redirections are followed, ten at most: GET and HEAD after 301, 302, 307 and 308, and 303 turns any method into GET. No
/// address is kept from modules: `localhost` is, so that they may use the server's own API. Connections are kept and shared.
public protocol HTTPClient: Sendable {
    /// Sends a request and waits for the whole answer, whatever its status.
    /// - Throws: ``HTTPClientError``.
    func send(_ request: HTTPRequest) async throws -> HTTPResponse
}

/// A request to another server.
public struct HTTPRequest: Sendable {
    public var method: String
    /// `http` or `https`, encoded.
    public var url: String
    public var headers: HTTPHeaders
    /// `nil` for none.
    public var body: [UInt8]?
    /// How many bytes of body the answer may have.
    public var responseLimit: Int

    public init(
        method: String = "GET", url: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil,
        responseLimit: Int = 52_428_800
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.responseLimit = responseLimit
    }
}

/// What another server answered.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// Where the answer came from, after redirections.
    public var url: String

    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = [], url: String = "") {
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url
    }
}

/// Why there is no answer.
public enum HTTPClientError: Error, Hashable, Sendable {
    /// The URL is none, or neither `http` nor `https`.
    case invalidURL(String)
    /// No connection came about within 15 seconds, or no headers within 60, or 30 seconds passed without a byte of the body.
    case timedOut
    /// The answer has more bytes than the request allows.
    case tooLarge
    case tooManyRedirects
    /// The address is one that is kept from this client.
    case blockedAddress(String)
    /// There was no connection, or it broke; what happened, for the log.
    case failed(String)
}

/// An answer that is not a success, where one was needed.
public struct HTTPStatusError: Error, Sendable {
    public var status: Int
    public var body: [UInt8]

    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// The body as the error that a Matrix server sends; `nil` if it is none.
    public var matrixError: MatrixError? {
        guard let object = try? JSONObject.parse(body), let code = object.string("errcode") else { return nil }
        var fields = object
        fields["errcode"] = nil
        fields["error"] = nil
        return MatrixError(
            status: status, code: ErrorCode(code), message: object.string("error") ?? "", fields: fields)
    }
}

extension HTTPClient {
    /// Gets a JSON object.
    /// - Parameter query: Parameters to add to the URL, not encoded.
    /// - Throws: ``HTTPClientError``; ``HTTPStatusError`` unless the status is 2xx; `JSONParseError` if it is no object.
    public func getJSON(
        _ url: String, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:]
    ) async throws -> JSONObject {
        try JSONObject.parse(try await get(url, query: query, headers: headers).body)
    }

    /// Gets whatever is at a URL.
    /// - Throws: ``HTTPClientError``; ``HTTPStatusError`` unless the status is 2xx.
    public func get(
        _ url: String, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:]
    ) async throws -> HTTPResponse {
        try await succeed(HTTPRequest(url: Self.url(url, query), headers: headers))
    }

    /// Posts a JSON object and returns the one answered.
    /// - Throws: As ``getJSON(_:query:headers:)``.
    public func postJSON(_ url: String, _ json: JSONObject, headers: HTTPHeaders = [:]) async throws -> JSONObject {
        try await sendJSON("POST", url, json, headers)
    }

    /// Puts a JSON object and returns the one answered.
    /// - Throws: As ``getJSON(_:query:headers:)``.
    public func putJSON(
        _ url: String, _ json: JSONObject, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:]
    ) async throws -> JSONObject {
        try await sendJSON("PUT", Self.url(url, query), json, headers)
    }

    /// Posts a form and returns the JSON object answered.
    /// - Parameter fields: Not encoded.
    /// - Throws: As ``getJSON(_:query:headers:)``.
    public func postForm(
        _ url: String, _ fields: [(name: String, value: String)], headers: HTTPHeaders = [:]
    ) async throws -> JSONObject {
        var headers = headers
        if headers["Content-Type"] == nil { headers["Content-Type"] = "application/x-www-form-urlencoded" }
        let body = Array(FormCoding.encode(fields).utf8)
        return try JSONObject.parse(
            try await succeed(HTTPRequest(method: "POST", url: url, headers: headers, body: body)).body)
    }

    private func sendJSON(
        _ method: String, _ url: String, _ json: JSONObject, _ headers: HTTPHeaders
    ) async throws -> JSONObject {
        var headers = headers
        if headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
        let request = HTTPRequest(method: method, url: url, headers: headers, body: json.encoded())
        return try JSONObject.parse(try await succeed(request).body)
    }

    private func succeed(_ request: HTTPRequest) async throws -> HTTPResponse {
        let response = try await send(request)
        guard (200..<300).contains(response.status) else {
            throw HTTPStatusError(status: response.status, body: response.body)
        }
        return response
    }

    private static func url(_ url: String, _ query: [(name: String, value: String)]) -> String {
        guard !query.isEmpty else { return url }
        let separator = url.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return url + separator + FormCoding.encode(query)
    }
}
