import MatrixCore
package import WebServer

/// The version of this server.
///
/// See <https://element-hq.github.io/synapse/latest/admin_api/version_api.html>.
package struct ServerVersion: EndpointGroup {
    private let version: String

    /// - Parameter version: What is answered, as `0.1.0`.
    package init(version: String) { self.version = version }

    package var endpoints: [Endpoint] {
        [.get("/_synapse/admin/v1/server_version", .anyone, getServerVersion)]
    }

    /// Names the version.
    @Sendable func getServerVersion(_ call: Call) async throws -> Reply {
        .json(["server_version": .string(version)])
    }
}
