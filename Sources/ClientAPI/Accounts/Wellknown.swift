package import MatrixCore
package import WebServer

/// Where clients find this server.
package struct ClientDiscovery: Sendable {
    /// The address clients reach this server at (`public_baseurl`), with a slash at the end; `nil` if it is not known.
    package var publicBaseURL: String?
    /// The identity server clients should use (`default_identity_server`).
    package var identityServer: String?
    /// Further members (`extra_well_known_client_content`).
    package var extraContent: JSONObject = [:]

    package init(publicBaseURL: String? = nil) { self.publicBaseURL = publicBaseURL }

    /// What `/.well-known/matrix/client` says; `nil` if there is nothing to say.
    package var content: JSONObject? {
        guard let publicBaseURL else { return nil }
        var content: JSONObject = ["m.homeserver": ["base_url": .string(publicBaseURL)]]
        if let identityServer { content["m.identity_server"] = ["base_url": .string(identityServer)] }
        for (key, value) in extraContent where content[key] == nil { content[key] = value }
        return content
    }
}

/// Server discovery for clients.
///
/// Spec: Client-Server API, [Well-known URIs](https://spec.matrix.org/v1.19/client-server-api/#well-known-uris).
package struct Wellknown: EndpointGroup {
    private let discovery: ClientDiscovery

    package init(discovery: ClientDiscovery) { self.discovery = discovery }

    package var endpoints: [Endpoint] {
        [.get("/.well-known/matrix/client", .anyone, getWellknown)]
    }

    /// Says where the server is.
    @Sendable func getWellknown(_ call: Call) async throws -> Reply {
        guard let content = discovery.content else { throw MatrixError.notFound(".well-known not available") }
        return .json(content)
    }
}
