public import MatrixCore
import Synchronization

/// The state of a room at one moment, read only as far as it is asked for.
///
/// The moment is fixed when the map is made; reading later gives what held then. What was read once is kept, so modules
/// that look at the same entries share the cost.
public final class StateMap: Sendable {
    /// Which state this is, if the server numbers it; `nil` for a map of its own.
    public let version: StateVersion?
    private let load: @Sendable (StateKey) async throws -> Event?
    private let loadAll: @Sendable () async throws -> [StateKey: Event]
    private let changes: (@Sendable (_ since: StateVersion) async throws -> [StateKey: Event?]?)?
    private let loaded: Mutex<Loaded>

    private struct Loaded {
        var single: [StateKey: Event?] = [:]
        var all: [StateKey: Event]?
    }

    /// Makes a map over a room's storage.
    /// - Parameters:
    ///   - load: Reads one entry; `nil` if there is none.
    ///   - loadAll: Reads all entries.
    ///   - version: Which state of which room it is.
    ///   - changes: Reads what differs from another version, as ``changes(since:)`` says.
    public init(
        load: @escaping @Sendable (StateKey) async throws -> Event?,
        loadAll: @escaping @Sendable () async throws -> [StateKey: Event],
        version: StateVersion? = nil,
        changes: (@Sendable (_ since: StateVersion) async throws -> [StateKey: Event?]?)? = nil
    ) {
        self.load = load
        self.loadAll = loadAll
        self.version = version
        self.changes = changes
        loaded = Mutex(Loaded())
    }

    /// Makes a map of entries that are there already.
    public init(_ events: [StateKey: Event] = [:]) {
        load = { events[$0] }
        loadAll = { events }
        version = nil
        changes = nil
        loaded = Mutex(Loaded(all: events))
    }

    /// The event that holds under `key`; `nil` if there is none.
    /// - Throws: If storage fails. A callback lets such an error through.
    public subscript(key: StateKey) -> Event? {
        get async throws {
            let known: Event?? = loaded.withLock { loaded in
                if let all = loaded.all { return .some(all[key]) }
                return loaded.single[key]
            }
            if let known { return known }
            let event = try await load(key)
            loaded.withLock { $0.single[key] = .some(event) }
            return event
        }
    }

    /// The event that holds under a type and state key; `nil` if there is none.
    public subscript(type: EventType, key: String) -> Event? {
        get async throws { try await self[StateKey(type, key)] }
    }

    /// Every entry. A large room has hundreds of thousands; ask for single ones where that will do.
    public func all() async throws -> [StateKey: Event] {
        if let all = loaded.withLock({ $0.all }) { return all }
        let events = try await loadAll()
        loaded.withLock { loaded in
            loaded.all = events
            loaded.single = [:]
        }
        return events
    }

    /// What this state has otherwise than an earlier or later version of the same room: entries that are new or replaced,
    /// and `nil` for those that are gone. `nil` if the two cannot be compared; read ``all()`` then.
    ///
    /// For code that keeps copies of rooms' state. It costs what the difference is large.
    public func changes(since other: StateVersion) async throws -> [StateKey: Event?]? {
        guard let version, let changes, version.room == other.room else { return nil }
        return version == other ? [:] : try await changes(other)
    }
}

/// Names one state of one room. Equal versions are the same state; otherwise the numbers mean nothing.
public struct StateVersion: Hashable, Sendable {
    /// The room's number in storage.
    public var room: Int64
    /// The number of the state.
    public var root: Int64
    /// The number of the latest redaction in the room's state: it changes what the same events say.
    public var redactions: Int64

    public init(room: Int64, root: Int64, redactions: Int64 = 0) {
        self.room = room
        self.root = root
        self.redactions = redactions
    }
}
