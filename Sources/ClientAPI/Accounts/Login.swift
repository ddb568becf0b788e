package import Homeserver
import MatrixCore
package import WebServer

/// Logging in.
///
/// Spec: Client-Server API, [Login](https://spec.matrix.org/v1.19/client-server-api/#login).
package struct LoginEndpoints: EndpointGroup {
    private let logins: LoginService
    private let discovery: ClientDiscovery

    package init(logins: LoginService, discovery: ClientDiscovery) {
        self.logins = logins
        self.discovery = discovery
    }

    private static let path = "/_matrix/client/v3/login"
    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .get(Self.path, .anyone, aliases: Self.aliases, getLoginFlows),
            .post(Self.path, .anyone, aliases: Self.aliases, login),
        ]
    }

    /// Lists the ways to log in.
    @Sendable func getLoginFlows(_ call: Call) async throws -> Reply {
        .json(["flows": .array(logins.flows.map { .object($0) })])
    }

    /// Logs a user in.
    @Sendable func login(_ call: Call) async throws -> Reply {
        let showsToken = call.header("Authorization") != nil || call.query("access_token") != nil
        var answer = try await logins.logIn(call.object(), from: call.source, showsToken: showsToken)
        if let content = discovery.content { answer["well_known"] = .object(content) }
        return .json(answer)
    }
}

extension Call {
    /// Where the request comes from.
    var source: RequestSource { RequestSource(address: clientAddress, userAgent: userAgent) }
}
