import NIOHTTP1

/// The request line and headers, with what every request is asked for read once.
struct RequestHead: Sendable {
    /// The method as the client wrote it.
    let methodName: String
    /// The method to route by: HEAD is routed as GET, and what no endpoint can have is `nil`.
    let method: Endpoint.Method?
    let uri: String
    let headers: HTTPHeaders
    /// Where in `uri`, counted in bytes, the path stands: after scheme and authority, if a proxy sent them, and before `?`.
    let path: Range<Int>
    let isHead: Bool
    let isOptions: Bool
    let isHTTP10: Bool
    /// Whether the connection may serve another request after this one.
    let keepsAlive: Bool
    /// The length the client announced; `nil` if it announced none or sends the body in chunks.
    private(set) var contentLength: Int?
    /// Whether the client waits for `100 Continue` before it sends the body.
    private(set) var expectsContinue = false
    private(set) var authorization: String?
    private(set) var authorizationCount = 0
    private(set) var forwardedFor: String?
    private(set) var forwardedProtocol: String?
    private(set) var userAgent: String?

    init(_ head: HTTPRequestHead) {
        methodName = head.method.rawValue
        isHead = head.method == .HEAD
        isOptions = head.method == .OPTIONS
        switch head.method {
        case .GET, .HEAD: method = .get
        case .PUT: method = .put
        case .POST: method = .post
        case .DELETE: method = .delete
        default: method = nil
        }
        var uri = head.uri
        uri.makeContiguousUTF8()
        self.uri = uri
        path = Self.pathRange(in: uri)
        headers = head.headers
        isHTTP10 = head.version.minor == 0

        var asksForUpgrade = head.method == .CONNECT
        for (name, value) in head.headers {
            // Most headers are told apart by the length of their name alone.
            switch name.utf8.count {
            case 7 where name.isSameHeader(as: "upgrade"): asksForUpgrade = true
            case 6 where name.isSameHeader(as: "expect"):
                expectsContinue = !isHTTP10 && value.isSameHeader(as: "100-continue")
            case 10 where userAgent == nil && name.isSameHeader(as: "user-agent"): userAgent = value
            case 13 where name.isSameHeader(as: "authorization"):
                authorization = authorization ?? value
                authorizationCount += 1
            case 14 where name.isSameHeader(as: "content-length"): contentLength = Int(value)
            case 15 where forwardedFor == nil && name.isSameHeader(as: "x-forwarded-for"): forwardedFor = value
            case 17 where forwardedProtocol == nil && name.isSameHeader(as: "x-forwarded-proto"):
                forwardedProtocol = value
            default: break
            }
        }
        // The decoder takes whatever follows such a request for another protocol. We speak none, so we answer and close.
        keepsAlive = head.isKeepAlive && !asksForUpgrade
    }

    var pathText: String {
        let start = uri.utf8.index(uri.startIndex, offsetBy: path.lowerBound)
        return String(uri[start..<uri.utf8.index(start, offsetBy: path.count)])
    }

    var query: Query {
        let end = uri.utf8.index(uri.startIndex, offsetBy: path.upperBound)
        return Query(text: end == uri.endIndex ? "" : uri[uri.utf8.index(after: end)...])
    }

    /// The request's target without any access token, for logs.
    var redactedURI: String {
        let end = uri.utf8.index(uri.startIndex, offsetBy: path.upperBound)
        return end == uri.endIndex ? uri : "\(uri[..<end])?\(query.redacted)"
    }

    private static func pathRange(in uri: String) -> Range<Int> {
        let bytes = uri.utf8
        var start = 0
        if bytes.first != UInt8(ascii: "/"), let scheme = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[scheme...].starts(with: "://".utf8)
        {
            let authority = bytes.index(scheme, offsetBy: 3)
            let slash = bytes[authority...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex
            start = bytes.distance(from: bytes.startIndex, to: slash)
        }
        let end = bytes.dropFirst(start).firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        return start..<bytes.distance(from: bytes.startIndex, to: end)
    }
}

extension String {
    /// Whether both are the same name, by ASCII letters of any case.
    /// - Parameter lowercase: A name in lower case.
    func isSameHeader(as lowercase: String) -> Bool {
        utf8.count == lowercase.utf8.count
            && zip(utf8, lowercase.utf8).allSatisfy { byte, wanted in
                byte == wanted || byte | 0x20 == wanted && (0x61...0x7A).contains(wanted)
            }
    }
}
