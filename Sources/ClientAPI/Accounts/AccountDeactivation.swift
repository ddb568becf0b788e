package import Homeserver
import MatrixCore
package import WebServer

/// Ending one's account.
///
/// Spec: Client-Server API, [Account deactivation](https://spec.matrix.org/v1.19/client-server-api/#account-deactivation).
package struct AccountDeactivation: EndpointGroup {
    private let accounts: AccountService
    private let deactivation: DeactivationService
    private let interactiveAuth: UserInteractiveAuth

    package init(
        accounts: AccountService, deactivation: DeactivationService, interactiveAuth: UserInteractiveAuth
    ) {
        self.accounts = accounts
        self.deactivation = deactivation
        self.interactiveAuth = interactiveAuth
    }

    private static let path = "/_matrix/client/v3/account/deactivate"

    package var endpoints: [Endpoint] {
        [.post(Self.path, .optional, aliases: ["r0", "unstable"], deactivateAccount)]
    }

    /// Ends the account of whoever asks, once they have proved who they are.
    @Sendable func deactivateAccount(_ call: Call) async throws -> Reply {
        let requester = try call.ordinaryUser()
        let body = try call.object()
        let operation = InteractiveOperation(method: "POST", uri: Self.path, body: body, requester: requester)
        return try await interactiveAuth.protecting(operation) { body in
            let erase = body["erase"] ?? .bool(false)
            guard let isErased = erase.boolValue else {
                throw MatrixError.badJSON("Param 'erase' must be a boolean, if given")
            }
            guard let account = try await accounts.account(of: requester.user) else {
                throw MatrixError.notFound("Unknown user")
            }
            try await deactivation.deactivate(account, isErased: isErased, accessToken: call.accessToken)
            // No identity server knows of the user's addresses, so there is nothing to take back.
            return .json(["id_server_unbind_result": "success"])
        }
    }
}
