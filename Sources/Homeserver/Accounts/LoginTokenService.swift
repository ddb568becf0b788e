import MatrixCore
package import SQLEngine
package import Storage

/// Gives out tokens for `m.login.token`, each good once and for a short while.
///
/// Spec: [Token-based login](https://spec.matrix.org/v1.19/client-server-api/#token-based).
package final class LoginTokenService: Sendable {
    private let database: any Database
    private let time: TimeSource
    private let random: RandomSource

    package init(database: any Database, time: TimeSource = .system, random: RandomSource = .system) {
        self.database = database
        self.time = time
        self.random = random
    }

    /// Makes a token with which this account can be logged in to.
    /// - Parameter provider: The identity provider by which its user proved who they are, and that provider's session.
    package func token(
        for account: Int64, lifetime: Duration, provider: (id: String, session: String?)? = nil
    ) async throws -> String {
        let text = "axl_" + random.letters(40)
        let now = time.now()
        let token = LoginToken(
            account: account, expiry: now.advanced(by: lifetime), provider: provider?.id,
            providerSession: provider?.session)
        let hash = AccessTokenService.hash(of: text)
        try await database.write { transaction in
            try transaction.loginTokens.deleteExpired(before: now)
            try transaction.loginTokens.insert(token, hash: hash)
        }
        return text
    }

    /// Whom a token stands for. It is void from now on.
    /// - Throws: 403 `M_FORBIDDEN` if it is unknown, was used before or has expired.
    package func redeem(_ text: String) async throws -> (account: Account, token: LoginToken) {
        let (hash, now) = (AccessTokenService.hash(of: text), time.now())
        let found = try await database.write { transaction -> (account: Account, token: LoginToken)? in
            guard let token = try transaction.loginTokens.take(hash: hash), now < token.expiry,
                let account = try transaction.accounts.account(number: token.account)
            else { return nil }
            return (account, token)
        }
        guard let found else { throw MatrixError.forbidden("Invalid login token") }
        return found
    }
}
