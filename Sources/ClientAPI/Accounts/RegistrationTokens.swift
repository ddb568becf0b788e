package import Homeserver
import MatrixCore
package import WebServer

/// Tokens that let their holders register.
///
/// Spec: Client-Server API,
/// [Token-authenticated registration](https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration).
package struct RegistrationTokens: EndpointGroup {
    private let registration: RegistrationService

    package init(registration: RegistrationService) { self.registration = registration }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v1/register/m.login.registration_token/validity", .anyone, aliases: ["unstable"],
                registrationTokenValidity)
        ]
    }

    /// Says whether a token can be used.
    @Sendable func registrationTokenValidity(_ call: Call) async throws -> Reply {
        guard let token = call.query("token") else {
            throw MatrixError.missingParam("Missing string query parameter 'token'")
        }
        return .json(["valid": .bool(try await registration.isValid(token: token, address: call.clientAddress))])
    }
}
