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

/// An access token that was deleted.
package struct EndedToken: Hashable, Sendable {
    package let number: Int64
    package let device: DeviceID?
    package let hash: [UInt8]
    /// What the text follows from; `nil` if that was not kept.
    package let seed: [UInt8]?
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
    /// - Parameters:
    ///   - puppeteer: The account whose owner will act as `account`.
    ///   - seed: What the text follows from, with a key that is not in the database.
    /// - Returns: Its number.
    package func insert(
        hash: [UInt8], account: Int64, device: DeviceID?, validUntil: Timestamp? = nil, puppeteer: Int64? = nil,
        seed: [UInt8]? = nil, at time: Timestamp
    ) throws -> Int64 {
        try transaction.first(
            """
            INSERT INTO access_tokens (hash, user_number, device_id, valid_until_ms, puppets_user_number, creation_ts,
                last_validated_ts, seed)
            VALUES ($1, $2, $3, $4, $5, $6, $6, $7) RETURNING number
            """,
            .blob(hash), .integer(account), .optional(device?.string), .optional(validUntil?.milliseconds),
            .optional(puppeteer), .integer(time.milliseconds), .optional(seed)
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

    /// Deletes a token.
    /// - Returns: The token, if there was one.
    @discardableResult
    package func delete(number: Int64) throws -> [EndedToken] {
        try end("number = $1", .integer(number))
    }

    /// Deletes the tokens of some of a user's devices.
    @discardableResult
    package func delete(devices: [DeviceID], of account: Int64) throws -> [EndedToken] {
        guard !devices.isEmpty else { return [] }
        return try end(
            "user_number = $1 AND device_id \(transaction.among(2, .texts))", .integer(account),
            .texts(devices.map(\.string)))
    }

    /// Deletes a user's tokens.
    /// - Parameter kept: The number of a token that stays.
    @discardableResult
    package func deleteAll(of account: Int64, except kept: Int64? = nil) throws -> [EndedToken] {
        try end("user_number = $1 AND number <> $2", .integer(account), .integer(kept ?? -1))
    }

    private func end(_ condition: String, _ values: SQLValue...) throws -> [EndedToken] {
        try transaction.all(
            "DELETE FROM access_tokens WHERE \(condition) RETURNING number, device_id, hash, seed", values: values
        ) { row in
            EndedToken(
                number: row.int(0), device: row.optionalText(1).map { DeviceID($0) }, hash: row.blob(2),
                seed: row.optionalBlob(3))
        }
    }

    private static let accountColumns = AccountStore.columns(of: "u")
}
