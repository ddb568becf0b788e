package import MatrixCore
package import SQLEngine

/// An access token as storage knows it, with the account it stands for.
package struct AccessToken: Sendable {
    package let number: Int64
    package let account: Account
    package let device: DeviceID?
    /// When the token stops being valid; `nil` for never.
    package let validUntil: Timestamp?
    /// The account whose owner uses this token to act as ``account``.
    package let puppeteer: Int64?
}

extension Transaction {
    package var accessTokens: AccessTokenStore { AccessTokenStore(self) }
}

/// The access tokens, known by the SHA-256 of their text.
package struct AccessTokenStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    package func token(hash: [UInt8]) throws -> AccessToken? {
        try transaction.first(
            """
            SELECT t.number, t.device_id, t.valid_until_ms, t.puppets_user_number, \(Self.accountColumns)
            FROM access_tokens t JOIN users u ON u.number = t.user_number WHERE t.hash = $1
            """,
            .blob(hash)
        ) { row in
            AccessToken(
                number: row.int(0), account: Account(row, from: 4), device: row.optionalText(1).map { DeviceID($0) },
                validUntil: row.optionalInt(2).map { Timestamp(milliseconds: $0) }, puppeteer: row.optionalInt(3))
        }
    }

    /// Stores a token.
    /// - Parameter puppeteer: The account whose owner will act as `account`.
    /// - Returns: Its number.
    package func insert(
        hash: [UInt8], account: Int64, device: DeviceID?, validUntil: Timestamp? = nil, puppeteer: Int64? = nil,
        at time: Timestamp
    ) throws -> Int64 {
        try transaction.first(
            """
            INSERT INTO access_tokens (hash, user_number, device_id, valid_until_ms, puppets_user_number, creation_ts,
                last_validated_ts)
            VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING number
            """,
            .blob(hash), .integer(account), .optional(device?.string), .optional(validUntil?.milliseconds),
            .optional(puppeteer), .integer(time.milliseconds)
        ) { $0.int(0) } ?? 0
    }

    package func setLastUsed(_ time: Timestamp, of number: Int64) throws {
        try transaction.execute(
            "UPDATE access_tokens SET last_used_ts = $2 WHERE number = $1", .integer(number),
            .integer(time.milliseconds))
    }

    /// When the token's user last proved who they are; `nil` if there is no such token.
    package func lastValidated(_ number: Int64) throws -> Timestamp? {
        try transaction.first("SELECT last_validated_ts FROM access_tokens WHERE number = $1", .integer(number)) {
            $0.optionalInt(0).map { Timestamp(milliseconds: $0) }
        } ?? nil
    }

    package func setLastValidated(_ time: Timestamp, of number: Int64) throws {
        try transaction.execute(
            "UPDATE access_tokens SET last_validated_ts = $2 WHERE number = $1", .integer(number),
            .integer(time.milliseconds))
    }

    package func delete(number: Int64) throws {
        try transaction.execute("DELETE FROM access_tokens WHERE number = $1", .integer(number))
    }

    package func delete(devices: [DeviceID], of account: Int64) throws {
        guard !devices.isEmpty else { return }
        try transaction.execute(
            "DELETE FROM access_tokens WHERE user_number = $1 AND device_id \(transaction.among(2, .texts))",
            .integer(account), .texts(devices.map(\.string)))
    }

    package func deleteAll(of account: Int64) throws {
        try transaction.execute("DELETE FROM access_tokens WHERE user_number = $1", .integer(account))
    }

    private static let accountColumns = AccountStore.columns.split(separator: ", ").map { "u.\($0)" }
        .joined(separator: ", ")
}
