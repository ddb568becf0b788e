package import MatrixCore

/// Where clients and servers find this one. Synapse's manual: `public_baseurl` and what follows it.
package struct WellKnownSettings: Sendable {
    /// `public_baseurl`, with a slash at its end; by default `https://` and the server name.
    package var publicBaseURL: String
    /// Whether `public_baseurl` was given. Only then is `/.well-known/matrix/client` served.
    package var servesClient: Bool
    /// `serve_server_wellknown`: whether `/.well-known/matrix/server` sends other servers to port 443.
    package var servesServer: Bool
    /// `extra_well_known_client_content`: further members of the client's answer.
    package var clientContent: JSONObject
    /// `default_identity_server`
    package var identityServer: String?

    init(_ options: OptionReader, serverName: ServerName?) {
        let given = options.httpURL("public_baseurl")
        let url = given ?? "https://\(serverName?.string ?? "localhost")"
        publicBaseURL = url.hasSuffix("/") ? url : "\(url)/"
        servesClient = given != nil
        servesServer = options.bool("serve_server_wellknown", default: false)
        clientContent = options.object("extra_well_known_client_content") ?? JSONObject()
        identityServer = options.httpURL("default_identity_server")
    }
}
