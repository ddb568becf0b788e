import MatrixCore

/// An endpoint at one of its paths, or a mount.
final class Route: Sendable {
    /// `nil` if every method is answered.
    let method: Endpoint.Method?
    let template: PathTemplate
    let access: Access
    let admitsExpiredAccounts: Bool
    let bodyLimit: Int
    let bodyDelivery: Endpoint.BodyDelivery
    let handler: Endpoint.Handler
    let metrics: EndpointMetrics

    init(endpoint: Endpoint, template: PathTemplate, metrics: EndpointMetrics) {
        method = endpoint.method
        self.template = template
        access = endpoint.access
        admitsExpiredAccounts = endpoint.admitsExpiredAccounts
        bodyLimit = endpoint.bodyLimit
        bodyDelivery = endpoint.bodyDelivery
        handler = endpoint.handler
        self.metrics = metrics
    }

    init(mount: Mount, metrics: EndpointMetrics) {
        method = nil
        template = PathTemplate(literally: mount.path)
        access = .anyone
        admitsExpiredAccounts = true
        bodyLimit = mount.bodyLimit
        bodyDelivery = .stream
        handler = mount.handler
        self.metrics = metrics
    }
}

/// A path as the specification prints it: `/_matrix/client/v3/rooms/{roomId}/state`.
struct PathTemplate: Sendable {
    enum Segment: Sendable {
        case literal([UInt8])
        case parameter(String)
    }

    let text: String
    let segments: [Segment]
    /// The names of the parameters, in the path's order.
    let parameters: [String]

    /// - Precondition: `text` begins with a slash, and no name comes twice.
    init(_ text: String) {
        precondition(text.utf8.first == UInt8(ascii: "/"), "the path \(text) does not begin with a slash")
        self.text = text
        segments = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            segment in
            if segment.first == UInt8(ascii: "{"), segment.last == UInt8(ascii: "}") {
                return .parameter(String(Substring(segment.dropFirst().dropLast())))
            }
            return .literal(Array(segment))
        }
        parameters = segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
        precondition(Set(parameters).count == parameters.count, "a parameter comes twice in \(text)")
    }

    /// A path without parameters, whatever it looks like.
    init(literally text: String) {
        self.text = text
        segments = []
        parameters = []
    }
}
