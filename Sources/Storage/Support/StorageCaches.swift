package import MatrixCore
import Synchronization

/// What storage keeps in memory, shared by all transactions. Everything in it is committed, and can be read again.
package final class StorageCaches: Sendable {
    /// The server whose users are local.
    package let serverName: ServerName
    package let numbers = EventNumbers()
    package let nodes: StateNodeCache
    package let events: BoundedCache<EventNumber, StoredEvent>
    /// Parsed events, for those who judge by them.
    package let parsed: BoundedCache<EventNumber, Event>
    /// Events that were redacted lately.
    let redacted: BoundedCache<EventNumber, Bool>
    package let roomsByID: BoundedCache<RoomID, RoomHandle>
    package let roomsByNumber: BoundedCache<RoomNumber, RoomHandle>
    package let keyNumbers: BoundedCache<StateKey, StateKeyNumber>
    package let keys: BoundedCache<StateKeyNumber, StateKey>

    /// - Parameter factor: `global_factor` of the configuration's `caches`; the sizes are multiplied by it.
    package init(serverName: ServerName, factor: Double = 1) {
        self.serverName = serverName
        func scaled(_ size: Int) -> Int { max(64, Int(Double(size) * factor)) }
        nodes = StateNodeCache(limit: scaled(8 << 20))
        events = BoundedCache(limit: scaled(24 << 20))
        parsed = BoundedCache(limit: scaled(8 << 20))
        redacted = BoundedCache(limit: 20_000)
        roomsByID = BoundedCache(limit: scaled(20_000))
        roomsByNumber = BoundedCache(limit: scaled(20_000))
        keyNumbers = BoundedCache(limit: scaled(40_000))
        keys = BoundedCache(limit: scaled(40_000))
    }
}

/// Gives events their numbers, in the order in which they are committed.
///
/// Writing transactions run one after the other, so numbers are given in the order of the stream; one that a failed
/// transaction took is left out.
package final class EventNumbers: Sendable {
    private let last = Atomic<EventNumber>(0)

    /// Goes on after `number`, the greatest that is stored.
    package func resume(after number: EventNumber) { last.store(number, ordering: .sequentiallyConsistent) }

    func next() -> EventNumber { last.add(1, ordering: .sequentiallyConsistent).newValue }
}
