package import MatrixCore
package import SQLEngine

/// A rate limit that was set for one user.
package struct RateLimitOverride: Hashable, Sendable {
    /// Actions per second; 0 for no limit.
    package var messagesPerSecond: Int64
    /// How many actions may be made at once.
    package var burstCount: Int64

    package init(messagesPerSecond: Int64, burstCount: Int64) {
        self.messagesPerSecond = messagesPerSecond
        self.burstCount = burstCount
    }
}

extension Transaction {
    package var rateLimitOverrides: RateLimitOverrideStore { RateLimitOverrideStore(self) }
}

/// The rate limits administrators set for single users.
package struct RateLimitOverrideStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// All overrides; there are as many as administrators have made by hand.
    package func all() throws -> [UserID: RateLimitOverride] {
        let rows = try transaction.all(
            """
            SELECT u.name, o.messages_per_second, o.burst_count
            FROM ratelimit_overrides o JOIN users u ON u.number = o.user_number
            """
        ) { row in
            (
                UserID(trusted: row.text(0)),
                RateLimitOverride(messagesPerSecond: row.int(1), burstCount: row.int(2))
            )
        }
        return Dictionary(rows, uniquingKeysWith: { $1 })
    }

    package func set(_ override: RateLimitOverride?, of account: Int64) throws {
        guard let override else {
            try transaction.execute("DELETE FROM ratelimit_overrides WHERE user_number = $1", .integer(account))
            return
        }
        try transaction.execute(
            """
            INSERT INTO ratelimit_overrides (user_number, messages_per_second, burst_count) VALUES ($1, $2, $3)
            ON CONFLICT (user_number) DO UPDATE SET messages_per_second = excluded.messages_per_second,
                burst_count = excluded.burst_count
            """,
            .integer(account), .integer(override.messagesPerSecond), .integer(override.burstCount))
    }
}
