/// A part of the server that a listener may serve or not, as in the `listeners.resources.names` of `homeserver.yaml`.
package struct Resource: Hashable, Sendable, RawRepresentable, ExpressibleByStringLiteral {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
    package init(stringLiteral value: String) { rawValue = value }

    /// The client-server API and the administrators' API.
    package static let client: Resource = "client"
    /// The server-server API.
    package static let federation: Resource = "federation"
    /// The signing keys that other servers fetch.
    package static let keys: Resource = "keys"
    /// The media repository.
    package static let media: Resource = "media"
    /// What a third party asks to check an OpenID token.
    package static let openID: Resource = "openid"
    /// The page Prometheus reads.
    package static let metrics: Resource = "metrics"
    /// The page that says the server is up; on every listener.
    package static let health: Resource = "health"
    /// Our own administrators' API, `/_axolemma`.
    package static let administration: Resource = "administration"
    package static let consent: Resource = "consent"
    package static let staticPages: Resource = "static"

    /// This part and those that come with it.
    var implied: Set<Resource> {
        switch self {
        case .client: [.client, .media, .staticPages, .administration, .health]
        case .federation: [.federation, .media, .keys, .openID, .health]
        default: [self, .health]
        }
    }

    /// The part that a path belongs to by its beginning.
    init(path: String) {
        let segments = path.split(separator: "/", maxSplits: 2)
        switch (segments.first, segments.dropFirst().first) {
        case ("_matrix", "federation"): self = .federation
        case ("_matrix", "key"): self = .keys
        case ("_matrix", "media"): self = .media
        case ("_synapse", "metrics"): self = .metrics
        case ("_matrix", "static"): self = .staticPages
        case ("_axolemma", _): self = .administration
        case ("health", nil): self = .health
        default: self = .client
        }
    }
}
