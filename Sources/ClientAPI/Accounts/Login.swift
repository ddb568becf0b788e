package import Homeserver
import MatrixCore
package import WebServer

/// Logging in.
///
/// Spec: Client-Server API, [Login](https://spec.matrix.org/v1.19/client-server-api/#login).
package struct LoginEndpoints: EndpointGroup {
    private let accounts: AccountService
    private let limits: RateLimiter
    private let discovery: ClientDiscovery

    package init(accounts: AccountService, limits: RateLimiter, discovery: ClientDiscovery) {
        self.accounts = accounts
        self.limits = limits
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
        let flows: [JSON] = accounts.settings.isPasswordLoginEnabled ? [["type": "m.login.password"]] : []
        return .json(["flows": .array(flows)])
    }

    /// Logs a user in with a password.
    @Sendable func login(_ call: Call) async throws -> Reply {
        let body = try call.object()
        guard let type = body["type"] else {
            throw MatrixError(status: 400, code: .unknown, message: "Missing JSON keys.")
        }
        guard let type = type.stringValue else { throw MatrixError.invalidParam("Bad parameter: type") }
        guard type == "m.login.password" else { throw MatrixError.invalidParam("Invalid login submission") }
        try limits.check(.loginAddress, key: call.clientAddress)
        let identifier = try UserIdentifier.read(from: body)
        guard let identifier, let password = body.string("password") else {
            throw MatrixError.invalidParam("Bad parameter: password")
        }
        let device = try DeviceRequest(body)
        let account = try await accounts.authenticate(identifier, password: password)
        var answer = try await accounts.logIn(account, device: device).object
        if let content = discovery.content { answer["well_known"] = .object(content) }
        return .json(answer)
    }
}
