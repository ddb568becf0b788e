package import Homeserver
import MatrixCore
package import WebServer

/// Registering accounts.
///
/// Spec: Client-Server API, [Account registration](https://spec.matrix.org/v1.19/client-server-api/#account-registration).
package struct Registration: EndpointGroup {
    private let registration: RegistrationService

    package init(registration: RegistrationService) { self.registration = registration }

    private static let path = "/_matrix/client/v3/register"

    package var endpoints: [Endpoint] {
        [
            .post(Self.path, .anyone, aliases: ["r0", "unstable"], register),
            .get(Self.path + "/available", .anyone, aliases: ["r0", "unstable"], checkUsernameAvailability),
        ]
    }

    /// Registers an account, or says what must be proved first.
    @Sendable func register(_ call: Call) async throws -> Reply {
        let body = try call.object()
        switch call.query("kind") {
        case nil, "user": break
        case "guest":
            let account = try await registration.registerGuest(
                deviceName: body.string("initial_device_display_name"), source: call.source)
            return .json(account.object)
        case let kind?:
            throw MatrixError(
                status: 400, code: .unrecognized, message: "Do not understand membership kind: \(kind)")
        }
        switch try await registration.register(body, uri: Self.path, source: call.source) {
        case .registered(let account): return .json(account.object)
        case .authenticationRequired(let answer): return .json(answer, status: 401)
        }
    }

    /// Says whether a username can be registered.
    @Sendable func checkUsernameAvailability(_ call: Call) async throws -> Reply {
        guard let username = call.query("username") else {
            throw MatrixError.missingParam("Missing string query parameter 'username'")
        }
        try await registration.checkAvailability(of: username)
        return .json(["available": true])
    }
}
