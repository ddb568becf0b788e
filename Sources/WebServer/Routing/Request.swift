import NIOCore

/// One request, whole, on its way to its handler.
final class Request: Sendable {
    let number: UInt64
    let head: RequestHead
    let route: Route
    /// Where in the URI the path's parameters stand, in bytes.
    private let parameters: [Range<Int>]
    let body: [UInt8]
    let clientAddress: String
    /// What the proxy calls this request.
    private let outsideID: String?

    init(
        number: UInt64, head: RequestHead, route: Route, parameters: [Range<Int>], body: [UInt8],
        clientAddress: String, outsideID: String?
    ) {
        self.number = number
        self.head = head
        self.route = route
        self.parameters = parameters
        self.body = body
        self.clientAddress = clientAddress
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
