package import Homeserver
import MatrixCore
package import WebServer

/// Changing one's password.
///
/// Spec: Client-Server API, [Password management](https://spec.matrix.org/v1.19/client-server-api/#password-management).
package struct PasswordManagement: EndpointGroup {
    private let passwords: PasswordChange

    package init(passwords: PasswordChange) { self.passwords = passwords }

    private static let path = "/_matrix/client/v3/account/password"

    package var endpoints: [Endpoint] {
        [.post(Self.path, .optional, aliases: ["r0", "unstable"], changePassword)]
    }

    /// Changes the password of whoever asks, once they have proved who they are.
    ///
    /// Without an access token an address would have to prove it, which this server cannot ask for yet.
    @Sendable func changePassword(_ call: Call) async throws -> Reply {
        let answer = try await passwords.change(call.object(), uri: Self.path, by: call.ordinaryUser())
        return answer.map { .json($0, status: 401) } ?? .json([:])
    }
}

extension Call {
    /// Who asks, where only the handler knows that somebody must.
    /// - Throws: 401 `M_MISSING_TOKEN` if nobody says so; 403 for guests.
    func ordinaryUser() throws(MatrixError) -> Requester {
        let requester = try user()
        guard !requester.isGuest else {
            throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access not allowed")
        }
        return requester
    }
}
