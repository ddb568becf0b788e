import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A request to another server.
package struct OutboundRequest: Sendable {
    package var method: String
    /// `http` or `https`, encoded.
    package var url: String
    package var headers: [(name: String, value: String)]
    /// `nil` for none.
    package var body: [UInt8]?
    /// How many bytes of body the answer may have.
    package var responseLimit: Int

    package init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        responseLimit: Int
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.responseLimit = responseLimit
    }
}

/// What another server answered.
package struct OutboundResponse: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]
    /// Where the answer came from, after redirections.
    package let url: String
}

/// Why there is no answer.
package enum OutboundError: Error, Hashable, Sendable {
    /// The URL is none, or neither `http` nor `https`.
    case invalidURL(String)
    case timedOut
    /// The answer has more bytes than allowed.
    case tooLarge
    case tooManyRedirects
    /// The address is in a blocked range.
    case blockedAddress(String)
    case cancelled
    /// There was no connection, or it broke; what happened, for the log.
    case failed(String)

    init(_ error: any Error, url: String) {
        switch error {
        case let known as OutboundError: self = known
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError:
            switch error {
            case .cancelled: self = .cancelled
            case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
                .getConnectionFromPoolTimeout:
                self = .timedOut
            case .invalidURL, .emptyHost, .emptyScheme: self = .invalidURL(url)
            default: self = .failed("\(error)")
            }
        case ChannelError.connectTimeout: self = .timedOut
        default: self = .failed("\(error)")
        }
    }
}

/// Where one exchange of a request goes, which redirections change.
struct OutboundTarget {
    var method: String
    var url: String
    var host: String
    var headers: [(name: String, value: String)]
    var body: [UInt8]?
    private let parsed: URL

    private static let schemes: Set<String> = ["http", "https"]
    /// Headers that tell who asks, or belong to the host that was asked.
    private static let personal: Set<String> = ["authorization", "cookie", "proxy-authorization", "host"]

    init(_ request: OutboundRequest) throws(OutboundError) {
        guard let url = URL(string: request.url) else { throw .invalidURL(request.url) }
        try self.init(url, method: request.method, headers: request.headers, body: request.body)
    }

    private init(
        _ url: URL, method: String, headers: [(name: String, value: String)], body: [UInt8]?
    ) throws(OutboundError) {
        guard let scheme = url.scheme?.lowercased(), Self.schemes.contains(scheme), let host = url.host, !host.isEmpty
        else { throw .invalidURL(url.absoluteString) }
        parsed = url
        self.url = url.absoluteString
        self.host = host
        self.method = method
        self.headers = headers
        self.body = body
    }

    /// Where an answer sends the request; `nil` if nowhere.
    func redirected(by response: OutboundResponse) throws(OutboundError) -> OutboundTarget? {
        let isSafe = method == "GET" || method == "HEAD"
        switch response.status {
        case 303: break
        case 301, 302, 307, 308: guard isSafe else { return nil }
        default: return nil
        }
        guard let location = response.headers.first(where: { $0.name.lowercased() == "location" })?.value else {
            return nil
        }
        guard let url = URL(string: location, relativeTo: parsed)?.absoluteURL else { throw .invalidURL(location) }
        var headers = headers
        if url.host != parsed.host || url.port != parsed.port || url.scheme != parsed.scheme {
            headers.removeAll { Self.personal.contains($0.name.lowercased()) }
        }
        if !isSafe { headers.removeAll { $0.name.lowercased().hasPrefix("content-") } }
        return try OutboundTarget(
            url, method: isSafe ? method : "GET", headers: headers, body: isSafe ? body : nil)
    }
}
