package import MatrixCore
package import SQLEngine

/// A device of a local user.
package struct Device: Sendable {
    package let id: DeviceID
    package var displayName: String?
    package var lastSeen: DeviceSighting?

    package init(id: DeviceID, displayName: String?, lastSeen: DeviceSighting?) {
        self.id = id
        self.displayName = displayName
        self.lastSeen = lastSeen
    }
}

/// When, from where and with what a device last made a request.
package struct DeviceSighting: Hashable, Sendable {
    package var at: Timestamp
    package var address: String?
    package var userAgent: String?

    package init(at: Timestamp, address: String?, userAgent: String?) {
        self.at = at
        self.address = address
        self.userAgent = userAgent
    }
}

extension Transaction {
    package var devices: DeviceStore { DeviceStore(self) }
}

/// The devices of local users. Hidden ones, which stand for cross-signing keys, are left out unless a method says so.
package struct DeviceStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    private static let columns = "device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent"

    package func device(_ id: DeviceID, of account: Int64) throws -> Device? {
        try transaction.first(
            "SELECT \(Self.columns) FROM devices WHERE user_number = $1 AND device_id = $2 AND hidden = 0",
            .integer(account), .text(id.string)
        ) { Device($0) }
    }

    /// The user's devices sorted by ID, at most `limit`.
    package func devices(of account: Int64, limit: Int64 = 10_000) throws -> [Device] {
        try transaction.all(
            """
            SELECT \(Self.columns) FROM devices WHERE user_number = $1 AND hidden = 0 ORDER BY device_id LIMIT $2
            """,
            .integer(account), .integer(limit)
        ) { Device($0) }
    }

    /// Adds the device if the user has none of this ID; one that is there keeps its name.
    /// - Returns: Whether it was added.
    @discardableResult
    package func insert(_ id: DeviceID, displayName: String?, of account: Int64) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO devices (user_number, device_id, display_name) VALUES ($1, $2, $3)
            ON CONFLICT (user_number, device_id) DO NOTHING
            """,
            .integer(account), .text(id.string), .optional(displayName)) > 0
    }

    /// Whether a hidden device has this ID, which no login may then use.
    package func isHidden(_ id: DeviceID, of account: Int64) throws -> Bool {
        try transaction.first(
            "SELECT hidden FROM devices WHERE user_number = $1 AND device_id = $2", .integer(account), .text(id.string)
        ) { $0.bool(0) } ?? false
    }

    /// Names a device.
    /// - Returns: Whether there is such a device.
    package func setDisplayName(_ name: String?, of id: DeviceID, account: Int64) throws -> Bool {
        try transaction.execute(
            "UPDATE devices SET display_name = $3 WHERE user_number = $1 AND device_id = $2 AND hidden = 0",
            .integer(account), .text(id.string), .optional(name)) > 0
    }

    package func setLastSeen(_ sighting: DeviceSighting, of id: DeviceID, account: Int64) throws {
        try transaction.execute(
            """
            UPDATE devices SET last_seen_ts = $3, last_seen_ip = $4, last_seen_user_agent = $5
            WHERE user_number = $1 AND device_id = $2
            """,
            .integer(account), .text(id.string), .integer(sighting.at.milliseconds), .optional(sighting.address),
            .optional(sighting.userAgent))
    }

    /// Removes devices; IDs the user does not have are passed over. Their access tokens are another store's.
    package func delete(_ ids: [DeviceID], of account: Int64) throws {
        guard !ids.isEmpty else { return }
        try transaction.execute(
            "DELETE FROM devices WHERE user_number = $1 AND hidden = 0 AND device_id \(transaction.among(2, .texts))",
            .integer(account), .texts(ids.map(\.string)))
    }

    /// Removes all the user's devices.
    /// - Parameter kept: A device that stays.
    /// - Returns: Their IDs.
    package func deleteAll(of account: Int64, except kept: DeviceID? = nil) throws -> [DeviceID] {
        try transaction.all(
            """
            DELETE FROM devices WHERE user_number = $1 AND hidden = 0 AND (CAST($2 AS TEXT) IS NULL OR device_id <> $2)
            RETURNING device_id
            """,
            .integer(account), .optional(kept?.string)
        ) { DeviceID($0.text(0)) }
    }

    /// The sightings of a user's devices at or after a time.
    package func sightings(of account: Int64, since: Timestamp) throws -> [(device: DeviceID, DeviceSighting)] {
        try transaction.all(
            """
            SELECT \(Self.columns) FROM devices WHERE user_number = $1 AND last_seen_ts >= $2
            ORDER BY device_id LIMIT 10000
            """,
            .integer(account), .integer(since.milliseconds)
        ) { Device($0) }.compactMap { device in device.lastSeen.map { (device.id, $0) } }
    }
}

extension Device {
    fileprivate init(_ row: borrowing Row) {
        id = DeviceID(row.text(0))
        displayName = row.optionalText(1)
        let (address, userAgent) = (row.optionalText(3), row.optionalText(4))
        lastSeen = row.optionalInt(2).map {
            DeviceSighting(at: Timestamp(milliseconds: $0), address: address, userAgent: userAgent)
        }
    }
}
