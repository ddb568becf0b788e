package import MatrixCore
package import SQLEngine
import Storage

/// The devices of local users, and logging out.
///
/// Spec: [Device management](https://spec.matrix.org/v1.19/client-server-api/#device-management).
package final class DeviceService: Sendable {
    private let database: any Database
    private let tokens: AccessTokenService
    private let lastSeen: LastSeenRecorder

    package init(database: any Database, tokens: AccessTokenService, lastSeen: LastSeenRecorder) {
        self.database = database
        self.tokens = tokens
        self.lastSeen = lastSeen
    }

    /// The user's devices, sorted by ID.
    package func devices(of requester: Requester) async throws -> [DeviceDescription] {
        let account = requester.accountNumber
        return try await database.read { try $0.devices.devices(of: account) }.map { describe($0, account) }
    }

    /// - Throws: 404 `M_NOT_FOUND` if the user has no such device.
    package func device(_ id: DeviceID, of requester: Requester) async throws -> DeviceDescription {
        let account = requester.accountNumber
        guard isStorable(id), let device = try await database.read({ try $0.devices.device(id, of: account) }) else {
            throw MatrixError.notFound("Not found")
        }
        return describe(device, account)
    }

    /// Names a device; `nil` leaves its name as it is.
    /// - Throws: 404 `M_NOT_FOUND` if the user has no such device; 400 `M_TOO_LARGE`.
    package func setDisplayName(_ name: String?, of id: DeviceID, requester: Requester) async throws {
        try DeviceRequest.validate(displayName: name)
        let account = requester.accountNumber
        guard isStorable(id) else { throw MatrixError.notFound("Not found") }
        let exists = try await database.write { transaction in
            guard let name else { return try transaction.devices.device(id, of: account) != nil }
            return try transaction.devices.setDisplayName(name, of: id, account: account)
        }
        guard exists else { throw MatrixError.notFound("Not found") }
    }

    /// Removes devices, and with them their access tokens. IDs the user does not have are passed over.
    package func delete(_ ids: [DeviceID], of requester: Requester) async throws {
        let (tokens, account, ids) = (tokens, requester.accountNumber, ids.filter(isStorable))
        guard !ids.isEmpty else { return }
        try await database.write { transaction in
            try transaction.accessTokens.delete(devices: ids, of: account)
            try transaction.devices.delete(ids, of: account)
            transaction.onCommit { tokens.forget(account: account, devices: ids) }
        }
    }

    /// Ends the access token of the request, and removes its device.
    package func logOut(_ requester: Requester) async throws {
        if let device = requester.device { return try await delete([device], of: requester) }
        guard let number = requester.tokenNumber else { return }
        let tokens = tokens
        try await database.write { transaction in
            try transaction.accessTokens.delete(number: number)
            transaction.onCommit { tokens.forget(token: number) }
        }
    }

    /// Ends all the user's access tokens, and removes all their devices.
    package func logOutEverywhere(_ requester: Requester) async throws {
        let (tokens, account) = (tokens, requester.accountNumber)
        try await database.write { transaction in
            try transaction.accessTokens.deleteAll(of: account)
            _ = try transaction.devices.deleteAll(of: account)
            transaction.onCommit { tokens.forget(account: account) }
        }
    }

    private func describe(_ device: Device, _ account: Int64) -> DeviceDescription {
        let sighting = lastSeen.unwritten(account: account, device: device.id) ?? device.lastSeen
        return DeviceDescription(
            id: device.id, displayName: device.displayName, lastSeenAt: sighting?.at,
            lastSeenAddress: sighting?.address)
    }

    /// Whether the ID can be that of a device: PostgreSQL takes no NUL.
    private func isStorable(_ id: DeviceID) -> Bool { !id.string.utf8.contains(0) }
}

/// A device as its user sees it.
package struct DeviceDescription: Hashable, Sendable {
    package let id: DeviceID
    package let displayName: String?
    /// When the device last made a request; `nil` if it never has.
    package let lastSeenAt: Timestamp?
    /// The address that request came from.
    package let lastSeenAddress: String?
}
