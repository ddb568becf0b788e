package import MatrixCore
import Storage

/// Changing one's password.
///
/// Spec: [Password management](https://spec.matrix.org/v1.19/client-server-api/#password-management).
package final class PasswordChange: Sendable {
    private let accounts: AccountService
    private let interactiveAuth: UserInteractiveAuth

    package init(accounts: AccountService, interactiveAuth: UserInteractiveAuth) {
        self.accounts = accounts
        self.interactiveAuth = interactiveAuth
    }

    /// Changes the password of whoever asks, once they have proved who they are.
    ///
    /// - Parameter body: `new_password`, `logout_devices` (true if left out) and `auth`.
    /// - Returns: The body of a 401 answer if the client must prove more; `nil` when it is done.
    /// - Throws: 400 for a password that is missing or not acceptable; 403 if passwords cannot be changed here.
    package func change(
        _ body: JSONObject, uri: String, by requester: Requester
    ) async throws -> JSONObject? {
        let password = try Self.newPassword(in: body)
        if let password { try accounts.settings.passwordPolicy.validate(password) }
        // The session must not hold a password, and keeps its hash instead: the second request may leave it out.
        var kept = body
        kept["new_password"] = nil
        let operation = InteractiveOperation(method: "POST", uri: uri, body: kept, requester: requester)
        switch try await interactiveAuth.check(operation, flows: interactiveAuth.flowsForUsers) {
        case .required(let answer, let session):
            if let password, session.data[SessionData.passwordHash] == nil {
                let hash = try await accounts.hash(newPassword: password)
                try await interactiveAuth.remember(.string(hash), as: SessionData.passwordHash, in: session.id)
            }
            return answer
        case .authenticated(let body, let session):
            var hash = session?.data.string(SessionData.passwordHash)
            if let password { hash = try await accounts.hash(newPassword: password) }
            guard let hash else { throw MatrixError.missingParam("Missing params: password") }
            guard accounts.settings.allowsPasswordChanges else {
                throw MatrixError.forbidden("Password change disabled")
            }
            try await accounts.setPasswordHash(
                hash, of: requester, endsOtherSessions: body.bool("logout_devices") ?? true)
            return nil
        }
    }

    private static func newPassword(in body: JSONObject) throws(MatrixError) -> String? {
        guard let value = body["new_password"], !value.isNull else { return nil }
        guard let password = value.stringValue, password.unicodeScalars.count <= PasswordHasher.maximumLength else {
            throw .invalidPassword
        }
        return password
    }
}
