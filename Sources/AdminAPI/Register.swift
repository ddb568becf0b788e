package import Homeserver
import MatrixCore
package import WebServer

/// Registration with the server's shared secret.
///
/// See <https://element-hq.github.io/synapse/latest/admin_api/register_api.html>.
package struct Register: EndpointGroup {
    private let registration: SharedSecretRegistration

    package init(registration: SharedSecretRegistration) { self.registration = registration }

    private static let path = "/_synapse/admin/v1/register"

    package var endpoints: [Endpoint] {
        [.get(Self.path, .anyone, getNonce), .post(Self.path, .anyone, register)]
    }

    /// Gives out a nonce for one registration.
    @Sendable func getNonce(_ call: Call) async throws -> Reply {
        .json(["nonce": .string(try registration.newNonce())])
    }

    /// Makes an account.
    @Sendable func register(_ call: Call) async throws -> Reply {
        .json(try await registration.register(call.object()).object)
    }
}
