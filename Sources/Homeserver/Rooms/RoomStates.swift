package import MatrixCore
import ModuleAPI
package import SQLEngine
package import Storage
import Synchronization

/// Where rooms stand and what their current state holds, from memory where possible.
///
/// What is in memory is what the latest commit left; a commit brings it up to date before anyone is told of the commit.
package final class RoomStates: Sendable {
    private let database: any Database
    package let caches: StorageCaches
    let redactions = RedactionLog()
    /// Bounded by how many rooms and entries it holds together.
    private let views = BoundedCache<RoomNumber, View>(limit: 40_000)

    /// A room's position, and those entries of its current state that somebody asked for.
    private final class View: Sendable {
        struct Contents {
            var position: RoomPosition
            var known: [StateKey: Event?] = [:]
        }
        let contents: Mutex<Contents>
        init(_ position: RoomPosition) { contents = Mutex(Contents(position: position)) }
    }

    /// How many entries of one room's state to hold before starting afresh.
    private static let knownLimit = 500

    package init(database: any Database, caches: StorageCaches) {
        self.database = database
        self.caches = caches
    }

    /// The room with this ID.
    package func room(_ id: RoomID) async throws -> RoomHandle? {
        if let room = caches.roomsByID[id] { return room }
        return try await database.read { [caches] in try RoomStores($0, caches: caches, .reading).room(id) }
    }

    /// Where the room stands. Does not change while the lease is held.
    package func position(under lease: borrowing CommitLease) async throws -> RoomPosition {
        let room = lease.room
        if let view = views[room.number] { return view.contents.withLock { $0.position } }
        let position = try await database.read { [caches] in
            try RoomStores($0, caches: caches, .reading).position(of: room)
        }
        views.insert(View(position), for: room.number)
        return position
    }

    /// Where the room stood after the latest commit, if that is in memory.
    func knownPosition(of room: RoomHandle) -> RoomPosition? {
        views[room.number]?.contents.withLock { $0.position }
    }

    /// The room's current state events under `keys`, all of one moment.
    package func current(_ keys: [StateKey], in room: RoomHandle) async throws -> [StateKey: Event] {
        if let view = views[room.number] {
            return try await events(keys, in: view.contents.withLock { $0.position.state }, of: room)
        }
        let (state, loaded) = try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            let state = try stores.currentState(of: room)
            return (state, try stores.parsedState(keys, in: state))
        }
        remember(loaded, of: keys, in: room, at: state)
        return loaded
    }

    /// One event of the room's current state.
    package func current(_ key: StateKey, in room: RoomHandle) async throws -> Event? {
        try await current([key], in: room)[key]
    }

    /// The room's current state.
    package func currentState(of room: RoomHandle) async throws -> StateRoot {
        if let view = views[room.number] { return view.contents.withLock { $0.position.state } }
        return try await database.read { [caches] in
            try RoomStores($0, caches: caches, .reading).currentState(of: room)
        }
    }

    /// The room that an alias of this server stands for.
    package func room(under alias: RoomAlias) async throws -> RoomHandle? {
        try await database.read { [caches] in try RoomStores($0, caches: caches, .reading).room(under: alias) }
    }

    /// Whether a user said this in relation to an event already, in an event that was not redacted since.
    func hasAnnotation(
        by sender: UserID, of target: EventID, type: EventType, key: String, in room: RoomHandle
    ) async throws -> Bool {
        try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            let said = try stores.annotations(by: sender, of: target, type: type, in: room)
            return try stores.events(said).contains { event in
                event.content().object("m.relates_to")?.string("key")?.hasSameBytes(as: key) == true
            }
        }
    }

    /// An event of any room.
    package func event(_ id: EventID) async throws -> Event? {
        try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try stores.number(of: id).flatMap { try stores.parsedEvent($0) }
        }
    }

    /// The events under `keys` in some state of the room.
    package func events(_ keys: [StateKey], in state: StateRoot, of room: RoomHandle) async throws
        -> [StateKey: Event]
    {
        var events: [StateKey: Event] = [:]
        var missing = keys
        views[room.number]?.contents.withLock { contents in
            guard contents.position.state == state else { return }
            missing = keys.filter { key in
                guard let known = contents.known[key] else { return true }
                if let known { events[key] = known }
                return false
            }
        }
        guard !missing.isEmpty else { return events }
        let read = missing
        let loaded = try await database.read { [caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).parsedState(read, in: state)
        }
        remember(loaded, of: read, in: room, at: state)
        return events.merging(loaded) { $1 }
    }

    /// Every event of a state. As many as the room has members, at least: for modules that ask for all.
    package func allEvents(in state: StateRoot) async throws -> [StateKey: Event] {
        let numbers = try await database.read { [caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).states.entries(of: state).map(\.event)
        }
        return try await stateEvents(numbers)
    }

    /// The current state events that one of the filter's entries selects.
    func current(_ filter: [StateFilterEntry], in room: RoomHandle) async throws -> [StateKey: Event] {
        let numbers = try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            let state = try stores.currentState(of: room)
            var numbers: Set<EventNumber> = []
            for entry in filter {
                // No event of ours has a NUL there, and PostgreSQL would refuse the question.
                if entry.type.string.utf8.contains(0) || entry.stateKey?.utf8.contains(0) == true { continue }
                if let key = entry.stateKey {
                    if let number = try stores.stateEvent(StateKey(entry.type, key), in: state) {
                        numbers.insert(number)
                    }
                } else {
                    numbers.formUnion(try stores.currentState(of: room, type: entry.type))
                }
            }
            return Array(numbers)
        }
        return try await stateEvents(numbers)
    }

    /// What state `new` holds where it differs from `old`; `nil` under keys that it holds nothing under.
    func changes(from old: StateRoot, to new: StateRoot) async throws -> [StateKey: Event?] {
        let differences = try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try stores.states.differences(from: old, to: new).map { (try stores.key($0.key), $0.new) }
        }
        let events = try await stateEvents(differences.compactMap { $1 })
        var changes: [StateKey: Event?] = [:]
        for (key, number) in differences { changes.updateValue(number == nil ? nil : events[key], forKey: key) }
        return changes
    }

    /// How many events to parse in one go, so that a large room's do not hold up everybody else's.
    private static let portion = 500

    private func stateEvents(_ numbers: [EventNumber]) async throws -> [StateKey: Event] {
        var events: [StateKey: Event] = [:]
        events.reserveCapacity(numbers.count)
        for start in stride(from: 0, to: numbers.count, by: Self.portion) {
            let portion = Array(numbers[start..<min(start + Self.portion, numbers.count)])
            let parsed = try await database.read { [caches] transaction in
                try RoomStores(transaction, caches: caches, .reading).parsedEvents(portion)
            }
            for event in parsed.values { if let key = event.state { events[key] = event } }
        }
        return events
    }

    private func remember(_ loaded: [StateKey: Event], of keys: [StateKey], in room: RoomHandle, at state: StateRoot) {
        guard let view = views[room.number] else { return }
        let count = view.contents.withLock { contents in
            // A commit came between: what was read may be out of date.
            guard contents.position.state == state else { return contents.known.count }
            Self.makeSpace(in: &contents)
            for key in keys { contents.known.updateValue(loaded[key], forKey: key) }
            return contents.known.count
        }
        views.setCost(1 + count, of: room.number)
    }

    private static func makeSpace(in contents: inout View.Contents) {
        if contents.known.count > knownLimit { contents.known = [:] }
    }

    /// Takes over what a commit did. Called once it is durable, in the order of commits.
    func apply(_ commit: Commit, _ events: [Event]) {
        let room = commit.position.room
        guard let view = views[room.number] else {
            views.insert(View(commit.position), for: room.number)
            return
        }
        let byID = Dictionary(events.map { ($0.eventID, $0) }) { $1 }
        let byNumber = Dictionary(commit.events.map { ($0.number, $0.eventID) }) { $1 }
        let count = view.contents.withLock { contents in
            contents.position = commit.position
            Self.makeSpace(in: &contents)
            // What was redacted may be part of the state.
            if commit.events.contains(where: { $0.type == .redaction }) { contents.known = [:] }
            for change in commit.changes {
                guard let number = change.event else {
                    contents.known.updateValue(nil, forKey: change.key)
                    continue
                }
                if let event = byNumber[number].flatMap({ byID[$0] }) {
                    contents.known.updateValue(event, forKey: change.key)
                } else {
                    contents.known.removeValue(forKey: change.key)
                }
            }
            return contents.known.count
        }
        if !commit.changes.isEmpty { views.setCost(1 + count, of: room.number) }
    }
}
