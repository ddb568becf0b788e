import MatrixCore
package import SQLEngine

/// The ID of a user with an identity provider.
package struct StoredExternalID: Hashable, Sendable {
    package var provider: String
    package var id: String

    package init(provider: String, id: String) {
        self.provider = provider
        self.id = id
    }
}

extension Transaction {
    package var externalIDs: ExternalIDStore { ExternalIDStore(self) }
}

/// What identity providers know users by.
package struct ExternalIDStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// The account an ID stands for.
    package func account(_ id: StoredExternalID) throws -> Account? {
        let columns = AccountStore.columns(of: "u")
        return try transaction.first(
            """
            SELECT \(columns) FROM user_external_ids e JOIN users u ON u.number = e.user_number
            WHERE e.auth_provider = $1 AND e.external_id = $2
            """,
            .text(id.provider), .text(id.id)
        ) { Account($0) }
    }

    /// A user's IDs, sorted by provider.
    package func ids(of account: Int64) throws -> [StoredExternalID] {
        try transaction.all(
            """
            SELECT auth_provider, external_id FROM user_external_ids WHERE user_number = $1
            ORDER BY auth_provider, external_id LIMIT 1000
            """,
            .integer(account)
        ) { StoredExternalID(provider: $0.text(0), id: $0.text(1)) }
    }

    /// Remembers whom an ID stands for.
    /// - Returns: Whether it stands for this account now; it does not if it stood for another before.
    package func insert(_ id: StoredExternalID, of account: Int64) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO user_external_ids (auth_provider, external_id, user_number) VALUES ($1, $2, $3)
            ON CONFLICT (auth_provider, external_id) DO NOTHING
            """,
            .text(id.provider), .text(id.id), .integer(account))
        return try self.account(id)?.number == account
    }

    package func deleteAll(of account: Int64) throws {
        try transaction.execute("DELETE FROM user_external_ids WHERE user_number = $1", .integer(account))
    }
}
