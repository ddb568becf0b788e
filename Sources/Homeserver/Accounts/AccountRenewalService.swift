package import MatrixCore
import ModuleAPI

/// Renewing accounts that expire, as modules do it in place of Synapse's own account validity (`on_legacy_…`).
package struct AccountRenewalService: Sendable {
    private let modules: ModuleRegistry

    package init(modules: ModuleRegistry) { self.modules = modules }

    /// What became of a token from a mail.
    package enum Outcome: Hashable, Sendable {
        case renewed(until: Timestamp)
        /// The token was used before.
        case stale(until: Timestamp)
        case unknownToken
    }

    /// Sends a user the mail by which they renew their account.
    /// - Throws: 403 if no module does that; whatever the module throws.
    package func sendMail(to user: UserID) async throws {
        guard try await modules.onLegacySendMail(user) else {
            throw MatrixError.forbidden("Account renewal via email is disabled on this server.")
        }
    }

    /// Renews the account that a token stands for.
    package func renew(token: String) async throws -> Outcome {
        guard let renewal = try await modules.onLegacyRenew(token: token) else { return .unknownToken }
        if renewal.isValid { return .renewed(until: renewal.expiresAt) }
        return renewal.isStale ? .stale(until: renewal.expiresAt) : .unknownToken
    }

    /// Changes how long an account is good.
    /// - Parameter body: `user_id`, and optionally `expiration_ts` and `enable_renewal_emails`.
    /// - Returns: When it expires.
    /// - Throws: 400 if no module does that; whatever the module throws.
    package func setValidity(_ body: JSONObject, by administrator: Requester) async throws -> Timestamp {
        let request = AccountValidityRequest(administrator: administrator, body: body)
        guard let expiry = try await modules.onLegacyAdminRequest(request) else {
            throw MatrixError.unknown("No module on this server decides how long accounts are valid")
        }
        return expiry
    }
}
