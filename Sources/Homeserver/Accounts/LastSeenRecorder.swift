import MatrixCore
package import SQLEngine
import ServiceLifecycle
import Storage
import Synchronization

/// Remembers when and from where devices were last seen, and writes it down in batches.
///
/// A device is noted at most once in ``granularity`` unless its address or client changes, so that requests do not each
/// cost a write. What is not written yet when the process is killed is lost; nothing depends on it.
package final class LastSeenRecorder: Service {
    /// How old a sighting may be before a request from the same address makes a new one.
    static let granularity: Int64 = 120_000

    private let database: any Database
    private let interval: Duration
    private let pending = Mutex(Pending())

    private struct Pending {
        var devices: [DeviceKey: DeviceSighting] = [:]
        var tokens: [Int64: Timestamp] = [:]
    }
    private struct DeviceKey: Hashable {
        let account: Int64
        let device: DeviceID
    }

    /// - Parameter interval: How often what was noted is written.
    package init(database: any Database, interval: Duration = .seconds(5)) {
        self.database = database
        self.interval = interval
    }

    /// Notes that a token was used.
    func note(_ sighting: DeviceSighting, account: Int64, device: DeviceID?, token: Int64) {
        pending.withLock { pending in
            pending.tokens[token] = sighting.at
            if let device { pending.devices[DeviceKey(account: account, device: device)] = sighting }
        }
    }

    /// A sighting that is not written yet.
    func unwritten(account: Int64, device: DeviceID) -> DeviceSighting? {
        pending.withLock { $0.devices[DeviceKey(account: account, device: device)] }
    }

    /// The sightings of an account's devices that are not written yet.
    func unwritten(account: Int64) -> [(DeviceID, DeviceSighting)] {
        pending.withLock { pending in
            pending.devices.filter { $0.key.account == account }.map { ($0.key.device, $0.value) }
        }
    }

    /// Writes what was noted.
    package func flush() async throws {
        let batch = pending.withLock { pending in
            defer { pending = Pending() }
            return pending
        }
        guard !batch.tokens.isEmpty else { return }
        try await database.write { transaction in
            for (key, sighting) in batch.devices {
                try transaction.devices.setLastSeen(sighting, of: key.device, account: key.account)
            }
            for (token, time) in batch.tokens { try transaction.accessTokens.setLastUsed(time, of: token) }
        }
    }

    /// Writes in batches until the server stops, and once more then.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.interval)) != nil { try? await self.flush() }
        }
        try await flush()
    }
}
