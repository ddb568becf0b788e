package import MatrixCore
package import SQLEngine

/// A piece of a user's account data.
package struct AccountDataEntry: Hashable, Sendable {
    /// The room it belongs to; `nil` for the account as a whole.
    package let room: RoomID?
    package let type: String
    /// The content as JSON text.
    package let content: String
    /// When it was written.
    package let stream: StreamPosition
}

extension Transaction {
    package var accountData: AccountDataStore { AccountDataStore(self) }
}

/// What users' clients keep on the server, for their account or for a room.
package struct AccountDataStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// The content of one piece, as JSON text.
    package func content(_ type: String, in room: RoomID?, of account: Int64) throws -> String? {
        try transaction.first(
            "SELECT content FROM account_data WHERE user_number = $1 AND room_id = $2 AND type = $3",
            .integer(account), .text(Self.column(room)), .text(type)
        ) { $0.text(0) }
    }

    /// How many pieces an account may have.
    package static let maximumPieces = 20_000

    /// Whether one more piece may be kept: it takes the place of an older one, or the account has not too many yet.
    package func hasSpace(for type: String, in room: RoomID?, of account: Int64) throws -> Bool {
        if try content(type, in: room, of: account) != nil { return true }
        let count = try transaction.first(
            "SELECT COUNT(*) FROM (SELECT 1 FROM account_data WHERE user_number = $1 LIMIT $2) AS pieces",
            .integer(account), .integer(Int64(Self.maximumPieces))
        ) { $0.int(0) }
        return (count ?? 0) < Int64(Self.maximumPieces)
    }

    /// Writes one piece in the place of an older one.
    /// - Returns: Where in the stream of account data it stands.
    package func set(
        _ type: String, in room: RoomID?, to content: String, of account: Int64
    ) throws -> StreamPosition {
        // One write runs at a time, and the row written last is always there.
        let position = try transaction.first("SELECT COALESCE(MAX(stream), 0) + 1 FROM account_data") { $0.int(0) } ?? 1
        try transaction.execute(
            """
            INSERT INTO account_data (user_number, room_id, type, content, stream) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (user_number, room_id, type) DO UPDATE SET content = $4, stream = $5
            """, .integer(account), .text(Self.column(room)), .text(type), .text(content), .integer(position))
        return position
    }

    /// How much is read at once: memory is not to hold all that one account has.
    package struct Limit: Sendable {
        package var entries: Int
        /// Bytes of content after which no further entry is read.
        package var bytes: Int

        package init(entries: Int, bytes: Int = 8 << 20) {
            self.entries = entries
            self.bytes = bytes
        }
    }

    /// What was written after a position, the oldest first, for the account and for all rooms.
    /// - Returns: The entries, and whether there are no more.
    package func entries(
        of account: Int64, after position: StreamPosition, limit: Limit
    ) throws -> (entries: [AccountDataEntry], isComplete: Bool) {
        try gather(after: position, limit) { position, count in
            try transaction.all(
                """
                SELECT room_id, type, content, stream FROM account_data WHERE user_number = $1 AND stream > $2
                ORDER BY stream LIMIT $3
                """, .integer(account), .integer(position), .integer(count), row: Self.entry)
        }
    }

    /// What there is for one room, the oldest first, as far as the limit goes.
    package func entries(of account: Int64, in room: RoomID, limit: Limit) throws -> [AccountDataEntry] {
        try gather(after: 0, limit) { position, count in
            try transaction.all(
                """
                SELECT room_id, type, content, stream FROM account_data
                WHERE user_number = $1 AND room_id = $2 AND stream > $3 ORDER BY stream LIMIT $4
                """, .integer(account), .text(room.string), .integer(position), .integer(count), row: Self.entry)
        }.entries
    }

    /// Reads a few entries at a time until there are no more or the limit is reached.
    private func gather(
        after position: StreamPosition, _ limit: Limit,
        _ read: (StreamPosition, _ count: Int64) throws -> [AccountDataEntry]
    ) throws -> (entries: [AccountDataEntry], isComplete: Bool) {
        let batch = 100
        var entries: [AccountDataEntry] = []
        var bytes = 0
        while true {
            let some = try read(entries.last?.stream ?? position, Int64(batch))
            for entry in some {
                guard entries.count < limit.entries, bytes < limit.bytes else { return (entries, false) }
                bytes += entry.content.utf8.count
                entries.append(entry)
            }
            if some.count < batch { return (entries, true) }
        }
    }

    /// Where in the stream a user's latest piece stands; 0 if there is none.
    package func position(of user: UserID) throws -> StreamPosition {
        try transaction.first(
            """
            SELECT MAX(stream) FROM account_data
            WHERE user_number = (SELECT number FROM users WHERE name = $1)
            """, .text(user.string)
        ) { $0.optionalInt(0) ?? 0 } ?? 0
    }

    private static func column(_ room: RoomID?) -> String { room?.string ?? "" }

    private static func entry(_ row: borrowing Row) throws -> AccountDataEntry {
        let room = row.text(0)
        return AccountDataEntry(
            room: room.isEmpty ? nil : RoomID(trusted: room), type: row.text(1), content: row.text(2),
            stream: row.int(3))
    }
}
