package import MatrixCore
package import SQLEngine

/// A token that lets its holder register.
package struct RegistrationToken: Hashable, Sendable {
    package var token: String
    /// How many registrations it allows; `nil` for any number.
    package var usesAllowed: Int64?
    /// Registrations under way that have shown it.
    package var pending: Int64
    package var completed: Int64
    /// When it stops being valid; `nil` for never.
    package var expiry: Timestamp?

    package init(
        token: String, usesAllowed: Int64? = nil, pending: Int64 = 0, completed: Int64 = 0, expiry: Timestamp? = nil
    ) {
        self.token = token
        self.usesAllowed = usesAllowed
        self.pending = pending
        self.completed = completed
        self.expiry = expiry
    }

    /// Whether one more registration may begin with it.
    package func isValid(at time: Timestamp) -> Bool {
        if let expiry, expiry < time { return false }
        if let usesAllowed, pending + completed >= usesAllowed { return false }
        return true
    }
}

extension Transaction {
    package var registrationTokens: RegistrationTokenStore { RegistrationTokenStore(self) }
}

/// The tokens for token-authenticated registration.
package struct RegistrationTokenStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    package func token(_ token: String) throws -> RegistrationToken? {
        try transaction.first(
            "SELECT token, uses_allowed, pending, completed, expiry_time FROM registration_tokens WHERE token = $1",
            .text(token)
        ) { row in
            RegistrationToken(
                token: row.text(0), usesAllowed: row.optionalInt(1), pending: row.int(2), completed: row.int(3),
                expiry: row.optionalInt(4).map { Timestamp(milliseconds: $0) })
        }
    }

    /// Adds a token.
    /// - Returns: Whether there was none of this text.
    package func insert(_ token: RegistrationToken) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO registration_tokens (token, uses_allowed, pending, completed, expiry_time)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token) DO NOTHING
            """,
            .text(token.token), .optional(token.usesAllowed), .integer(token.pending), .integer(token.completed),
            .optional(token.expiry?.milliseconds)) > 0
    }

    /// Notes that a registration has shown the token.
    package func begin(_ token: String) throws {
        try transaction.execute(
            "UPDATE registration_tokens SET pending = pending + 1 WHERE token = $1", .text(token))
    }

    /// Notes that a registration which had shown the token is finished.
    package func complete(_ token: String) throws {
        try transaction.execute(
            """
            UPDATE registration_tokens SET completed = completed + 1,
                pending = CASE WHEN pending > 0 THEN pending - 1 ELSE 0 END WHERE token = $1
            """,
            .text(token))
    }

    /// Notes that a registration which had shown the token was given up.
    package func abandon(_ token: String) throws {
        try transaction.execute(
            "UPDATE registration_tokens SET pending = pending - 1 WHERE token = $1 AND pending > 0", .text(token))
    }
}
