package import MatrixCore
package import SQLEngine
package import Storage

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
    /// - Parameter accessToken: The text of the request's own token, for modules.
    package func delete(
        _ ids: [DeviceID], of requester: Requester, accessToken: String? = nil
    ) async throws {
        let (tokens, account, ids) = (tokens, requester.accountNumber, ids.filter(isStorable))
        guard !ids.isEmpty else { return }
        let ended = try await database.write { transaction in
            let ended = try transaction.accessTokens.delete(devices: ids, of: account)
            try transaction.devices.delete(ids, of: account)
            transaction.onCommit { tokens.forget(account: account, devices: ids) }
            return ended
        }
        await tokens.tellModules(of: ended, of: requester.user, shown: accessToken)
    }

    /// Ends the access token of the request, and removes its device.
    /// - Parameter accessToken: The text of that token, for modules.
    package func logOut(_ requester: Requester, accessToken: String? = nil) async throws {
        if let device = requester.device {
            return try await delete([device], of: requester, accessToken: accessToken)
        }
        guard let number = requester.tokenNumber else { return }
        let tokens = tokens
        let ended = try await database.write { transaction in
            transaction.onCommit { tokens.forget(token: number) }
            return try transaction.accessTokens.delete(number: number)
        }
        await tokens.tellModules(of: ended, of: requester.user, shown: accessToken)
    }

    /// Ends all the user's access tokens, and removes all their devices.
    /// - Parameter accessToken: The text of the request's own token, for modules.
    package func logOutEverywhere(_ requester: Requester, accessToken: String? = nil) async throws {
        let (tokens, account) = (tokens, requester.accountNumber)
        let ended = try await database.write { transaction in
            _ = try transaction.devices.deleteAll(of: account)
            transaction.onCommit { tokens.forget(account: account) }
            return try transaction.accessTokens.deleteAll(of: account)
        }
        await tokens.tellModules(of: ended, of: requester.user, shown: accessToken)
    }

    /// Where a user was seen at or after a time, once for each address and client, by when that was.
    package func sightings(of account: Int64, since: Timestamp) async throws -> [DeviceSighting] {
        let stored = try await database.read { try $0.devices.sightings(of: account, since: since) }
        var latest: [DeviceID: DeviceSighting] = Dictionary(stored.map { ($0.device, $0.1) }) { $1 }
        for (device, sighting) in lastSeen.unwritten(account: account) where sighting.at >= since {
            latest[device] = sighting
        }
        var found: [DeviceSighting] = []
        for sighting in latest.values.sorted(by: { $0.at > $1.at })
        where !found.contains(where: { $0.address == sighting.address && $0.userAgent == sighting.userAgent }) {
            found.append(sighting)
        }
        return found.reversed()
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
