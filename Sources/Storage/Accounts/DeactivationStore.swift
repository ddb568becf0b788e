import MatrixCore
package import SQLEngine

extension Transaction {
    package var deactivations: DeactivationStore { DeactivationStore(self) }
}

/// The deactivated accounts whose users have rooms left to leave.
package struct DeactivationStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// Notes that an account's user has yet to leave their rooms.
    package func begin(_ account: Int64) throws {
        try transaction.execute(
            "INSERT INTO users_pending_deactivation (user_number) VALUES ($1) ON CONFLICT (user_number) DO NOTHING",
            .integer(account))
    }

    /// Notes that the user has left all rooms, or is to stay after all.
    package func finish(_ account: Int64) throws {
        try transaction.execute("DELETE FROM users_pending_deactivation WHERE user_number = $1", .integer(account))
    }

    /// The accounts under way, oldest first.
    package func pending(limit: Int64 = 1000) throws -> [Account] {
        try transaction.all(
            """
            SELECT \(AccountStore.columns(of: "u")) FROM users_pending_deactivation p
            JOIN users u ON u.number = p.user_number ORDER BY p.user_number LIMIT $1
            """,
            .integer(limit)
        ) { Account($0) }
    }
}
