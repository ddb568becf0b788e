import NIOCore

/// One request on its way to its handler.
final class Request: Sendable {
    let number: UInt64
    let head: RequestHead
    let route: Route
    /// Where in the URI the path's parameters stand, in bytes.
    private let parameters: [Range<Int>]
    /// The whole body; empty if it is streamed.
    let body: [UInt8]
    let bodyStream: RequestBody
    let clientAddress: String
    /// Whether the client's connection is TLS, be it ours or the proxy's.
    let isSecure: Bool
    /// What the proxy calls this request.
    private let outsideID: String?

    init(
        number: UInt64, head: RequestHead, route: Route, parameters: [Range<Int>], body: [UInt8],
        pipe: BodyPipe?, clientAddress: String, isSecure: Bool, outsideID: String?
    ) {
        self.number = number
        self.head = head
        self.route = route
        self.parameters = parameters
        self.body = body
        bodyStream = pipe.map { RequestBody($0) } ?? RequestBody(body)
        self.clientAddress = clientAddress
        self.isSecure = isSecure
        self.outsideID = outsideID
    }

    var id: String { outsideID ?? "\(head.methodName)-\(number)" }
    var query: Query { head.query }

    /// A part of the path, percent-decoded.
    func pathParameter(_ name: String) -> String? {
        guard let index = route.template.parameters.firstIndex(of: name) else { return nil }
        let (uri, place) = (head.uri.utf8, parameters[index])
        let start = uri.index(uri.startIndex, offsetBy: head.path.lowerBound + place.lowerBound)
        return Percent.decodeText(uri[start..<uri.index(start, offsetBy: place.count)])
    }
}
