package import MatrixCore
package import SQLEngine

/// A token for `m.login.token`, as storage knows it.
package struct LoginToken: Hashable, Sendable {
    package var account: Int64
    package var expiry: Timestamp
    /// The identity provider by which the user proved who they are.
    package var provider: String?
    /// That provider's session.
    package var providerSession: String?

    package init(account: Int64, expiry: Timestamp, provider: String? = nil, providerSession: String? = nil) {
        self.account = account
        self.expiry = expiry
        self.provider = provider
        self.providerSession = providerSession
    }
}

extension Transaction {
    package var loginTokens: LoginTokenStore { LoginTokenStore(self) }
}

/// The tokens with which somebody can log in once, known by the SHA-256 of their text.
package struct LoginTokenStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    package func insert(_ token: LoginToken, hash: [UInt8]) throws {
        try transaction.execute(
            """
            INSERT INTO login_tokens (hash, user_number, expiry_ts, auth_provider_id, auth_provider_session_id)
            VALUES ($1, $2, $3, $4, $5)
            """,
            .blob(hash), .integer(token.account), .integer(token.expiry.milliseconds), .optional(token.provider),
            .optional(token.providerSession))
    }

    /// Takes a token away and returns it; `nil` if there is none.
    package func take(hash: [UInt8]) throws -> LoginToken? {
        try transaction.first(
            """
            DELETE FROM login_tokens WHERE hash = $1
            RETURNING user_number, expiry_ts, auth_provider_id, auth_provider_session_id
            """,
            .blob(hash)
        ) { row in
            LoginToken(
                account: row.int(0), expiry: Timestamp(milliseconds: row.int(1)), provider: row.optionalText(2),
                providerSession: row.optionalText(3))
        }
    }

    package func deleteExpired(before time: Timestamp) throws {
        try transaction.execute("DELETE FROM login_tokens WHERE expiry_ts < $1", .integer(time.milliseconds))
    }

    package func deleteAll(of account: Int64) throws {
        try transaction.execute("DELETE FROM login_tokens WHERE user_number = $1", .integer(account))
    }
}
