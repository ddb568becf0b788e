public import MatrixCore

/// A request for a ``WebResource``.
public struct WebRequest: Sendable {
    /// The method as the client wrote it, such as `GET`.
    public var method: String
    /// The request's target as the client wrote it: path and query, percent-encoded.
    public var uri: String
    /// The path alone, percent-encoded.
    public var path: String
    /// What follows `?`, percent-encoded; empty if nothing does.
    public var query: String
    /// `1.0` or `1.1`.
    public var httpVersion: String
    public var headers: HTTPHeaders
    /// The client's IP address: the one that the proxy before the server names, if the listener trusts it. Empty if the
    /// connection is a Unix socket and nobody names the client.
    public var clientAddress: String
    /// Whether the client's connection is TLS.
    public var isSecure: Bool
    /// What the log calls this request.
    public var requestID: String
    public var body: WebBody

    /// - Parameters:
    ///   - path: `nil` takes what stands before `?` in `uri`.
    ///   - query: `nil` takes what follows `?` in `uri`.
    public init(
        method: String = "GET", uri: String, path: String? = nil, query: String? = nil, httpVersion: String = "1.1",
        headers: HTTPHeaders = [:], clientAddress: String = "", isSecure: Bool = false, requestID: String = "",
        body: WebBody = WebBody([])
    ) {
        self.method = method
        self.uri = uri
        let question = uri.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.path = path ?? String(uri[..<(question ?? uri.endIndex)])
        self.query = query ?? question.map { String(uri[uri.utf8.index(after: $0)...]) } ?? ""
        self.httpVersion = httpVersion
        self.headers = headers
        self.clientAddress = clientAddress
        self.isSecure = isSecure
        self.requestID = requestID
        self.body = body
    }

    /// The parts of the path between slashes, each percent-decoded; `["_synapse", "client", "demo"]`.
    public var segments: [String] {
        path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { FormCoding.decode($0, plusIsSpace: false) }
    }

    /// A query parameter, decoded; the first one if there are several, `nil` if there is none.
    public func query(_ name: String) -> String? { queryValues(name).first }

    /// Every value of a query parameter, decoded, in the order given.
    public func queryValues(_ name: String) -> [String] {
        FormCoding.pairs(query).filter { $0.name == name }.map(\.value)
    }

    /// The token of `Authorization: Bearer …`, or else of the query parameter `access_token`.
    ///
    /// `context.users.requester(forToken:…)` tells whose it is.
    public var accessToken: String? {
        guard let header = headers["Authorization"] else { return query("access_token") }
        let scheme = "Bearer "
        return header.utf8.starts(with: scheme.utf8) ? String(header.dropFirst(scheme.count)) : nil
    }

    /// The body as a JSON object.
    /// - Parameter limit: How many bytes it may have.
    /// - Throws: `MatrixError` 413 `M_TOO_LARGE`, 400 `M_NOT_JSON` or `M_BAD_JSON`.
    public func json(upTo limit: Int = 262_144) async throws -> JSONObject {
        let bytes = try await body.collect(upTo: limit)
        do {
            return try JSONObject.parse(bytes)
        } catch .notAnObject {
            throw MatrixError.badJSON("Content must be a JSON object.")
        } catch {
            throw MatrixError(status: 400, code: .notJSON, message: "Content not JSON.")
        }
    }

    /// The body as the fields of a form (`application/x-www-form-urlencoded`), decoded, in the order given.
    /// - Throws: `MatrixError` 413 `M_TOO_LARGE` if it has more than `limit` bytes.
    public func form(upTo limit: Int = 262_144) async throws -> [(name: String, value: String)] {
        FormCoding.pairs(String(decoding: try await body.collect(upTo: limit), as: UTF8.self))
    }
}

/// The body of a request as it arrives, in pieces of any size. It can be gone through once.
///
/// The client has to wait while nobody asks for the next piece. The loop throws if the body exceeds the resource's limit or
/// the client hangs up.
public struct WebBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = any Error

    private let makeNext: @Sendable () -> () async throws -> [UInt8]?

    /// A body that is there already.
    public init(_ bytes: [UInt8]) {
        makeNext = {
            var rest = bytes.isEmpty ? nil : bytes
            return {
                defer { rest = nil }
                return rest
            }
        }
    }

    /// A body that `pieces` yields.
    public init<Pieces: AsyncSequence & Sendable>(_ pieces: Pieces) where Pieces.Element == [UInt8] {
        makeNext = {
            var iterator = pieces.makeAsyncIterator()
            return { try await iterator.next(isolation: #isolation) }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(read: makeNext()) }

    /// The whole body.
    /// - Throws: `MatrixError` 413 `M_TOO_LARGE` if it has more bytes than `limit`.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard whole.count + piece.count <= limit else {
                throw MatrixError(status: 413, code: .tooLarge, message: "Request content is too large")
            }
            if whole.isEmpty { whole = piece } else { whole += piece }
        }
        return whole
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let read: () async throws -> [UInt8]?

        public mutating func next() async throws -> [UInt8]? { try await read() }
    }
}
