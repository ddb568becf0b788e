package import MatrixCore
package import ModuleAPI

/// The questions put to account validity modules, and what they are told.
///
/// All throw a `MatrixError` if a module fails.
extension ModuleRegistry {
    /// Whether an account has expired, by the first module that knows; `nil` if none does.
    package func isUserExpired(_ user: UserID) async throws -> Bool? {
        for entry in entries(.isUserExpired, \.isUserExpired) {
            let answer = try await runner.call(entry.target) { try await entry.callback(user) }
            if answer != .unknown { return answer == .expired }
        }
        return nil
    }

    /// Tells the modules of a new account, in order.
    package func onUserRegistration(_ user: UserID) async throws {
        for entry in entries(.onUserRegistration, \.onUserRegistration) {
            try await runner.call(entry.target) { try await entry.callback(user) }
        }
    }

    /// Tells the modules of a login, in order, once the device and its token exist.
    /// - Parameter type: The kind of login, such as `m.login.password`.
    package func onUserLogin(_ user: UserID, type: String?, providerID: String?) async throws {
        for entry in entries(.onUserLogin, \.onUserLogin) {
            try await runner.call(entry.target) { try await entry.callback(user, type, providerID) }
        }
    }

    /// Has a module send the mail by which a user renews their account.
    /// - Returns: Whether there is a module for that.
    package func onLegacySendMail(_ user: UserID) async throws -> Bool {
        guard let entry = entries(.onLegacySendMail, \.onLegacySendMail).first else { return false }
        try await runner.call(entry.target) { try await entry.callback(user) }
        return true
    }

    /// Has a module renew an account; `nil` if there is no module for that.
    package func onLegacyRenew(token: String) async throws -> AccountRenewal? {
        guard let entry = entries(.onLegacyRenew, \.onLegacyRenew).first else { return nil }
        return try await runner.call(entry.target) { try await entry.callback(token) }
    }

    /// Has a module change how long an account is good; `nil` if there is no module for that.
    package func onLegacyAdminRequest(_ request: AccountValidityRequest) async throws -> Timestamp? {
        guard let entry = entries(.onLegacyAdminRequest, \.onLegacyAdminRequest).first else { return nil }
        return try await runner.call(entry.target) { try await entry.callback(request) }
    }
}
