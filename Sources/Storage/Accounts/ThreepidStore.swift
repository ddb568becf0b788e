package import MatrixCore
package import SQLEngine

/// An address of a user outside Matrix, as storage knows it.
package struct StoredThreepid: Hashable, Sendable {
    /// `email` or `msisdn`.
    package var medium: String
    package var address: String
    package var validatedAt: Timestamp
    package var addedAt: Timestamp

    package init(medium: String, address: String, validatedAt: Timestamp, addedAt: Timestamp) {
        self.medium = medium
        self.address = address
        self.validatedAt = validatedAt
        self.addedAt = addedAt
    }
}

extension Transaction {
    package var threepids: ThreepidStore { ThreepidStore(self) }
}

/// The addresses of local users.
package struct ThreepidStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// A user's addresses, in the order they were added.
    package func threepids(of account: Int64) throws -> [StoredThreepid] {
        try transaction.all(
            """
            SELECT medium, address, validated_at, added_at FROM user_threepids WHERE user_number = $1
            ORDER BY added_at, medium, address LIMIT 1000
            """,
            .integer(account)
        ) { StoredThreepid($0) }
    }

    /// The account an address belongs to.
    package func account(medium: String, address: String) throws -> Account? {
        try transaction.first(
            """
            SELECT \(AccountStore.columns(of: "u")) FROM user_threepids t JOIN users u ON u.number = t.user_number
            WHERE t.medium = $1 AND t.address = $2
            """,
            .text(medium), .text(address)
        ) { Account($0) }
    }

    /// Gives an address to a user; whoever had it has it no longer.
    package func set(_ threepid: StoredThreepid, of account: Int64) throws {
        try transaction.execute(
            """
            INSERT INTO user_threepids (medium, address, user_number, validated_at, added_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (medium, address) DO UPDATE SET user_number = excluded.user_number,
                validated_at = excluded.validated_at, added_at = excluded.added_at
            """,
            .text(threepid.medium), .text(threepid.address), .integer(account),
            .integer(threepid.validatedAt.milliseconds), .integer(threepid.addedAt.milliseconds))
    }

    /// Takes an address from a user, if they have it.
    package func delete(medium: String, address: String, of account: Int64) throws {
        try transaction.execute(
            "DELETE FROM user_threepids WHERE user_number = $1 AND medium = $2 AND address = $3",
            .integer(account), .text(medium), .text(address))
    }

    /// Takes all of a user's addresses away.
    /// - Returns: What they were.
    package func deleteAll(of account: Int64) throws -> [StoredThreepid] {
        try transaction.all(
            """
            DELETE FROM user_threepids WHERE user_number = $1 RETURNING medium, address, validated_at, added_at
            """,
            .integer(account)
        ) { StoredThreepid($0) }
    }
}

extension StoredThreepid {
    fileprivate init(_ row: borrowing Row) {
        medium = row.text(0)
        address = row.text(1)
        validatedAt = Timestamp(milliseconds: row.int(2))
        addedAt = Timestamp(milliseconds: row.int(3))
    }
}
