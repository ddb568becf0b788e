package import MatrixCore
import SQLEngine

/// Where a room stands: what a new event is built on.
package struct RoomPosition: Sendable {
    package let room: RoomHandle
    /// The current state.
    package var state: StateRoot
    /// The stream position of the latest event.
    package var lastStream: StreamPosition
    /// Events that no other event follows yet.
    package var extremities: [Extremity]

    package struct Extremity: Hashable, Sendable {
        package let number: EventNumber
        package let id: EventID
        package let depth: Int64
        /// The state after the event.
        package let state: StateRoot

        package init(number: EventNumber, id: EventID, depth: Int64, state: StateRoot) {
            self.number = number
            self.id = id
            self.depth = depth
            self.state = state
        }
    }

    package init(room: RoomHandle, state: StateRoot, lastStream: StreamPosition, extremities: [Extremity]) {
        self.room = room
        self.state = state
        self.lastStream = lastStream
        self.extremities = extremities
    }
}

extension RoomStores {
    /// The room with this ID; `nil` if this server never was in it.
    package func room(_ id: RoomID) throws -> RoomHandle? {
        if let room = caches.roomsByID[id] { return room }
        let row = try transaction.first(
            "SELECT room, version FROM rooms WHERE room_id = $1", .text(id.string)
        ) { ($0.int(0), $0.text(1)) }
        return try row.map { try handle($0.0, id, $0.1) }
    }

    package func room(_ number: RoomNumber) throws -> RoomHandle {
        if let room = caches.roomsByNumber[number] { return room }
        let row = try transaction.first(
            "SELECT room_id, version FROM rooms WHERE room = $1", .integer(number)
        ) { (RoomID(trusted: $0.text(0)), $0.text(1)) }
        guard let row else { throw StorageError.damaged("room \(number) is missing") }
        return try handle(number, row.0, row.1)
    }

    /// Adds a room without events.
    package func insertRoom(_ id: RoomID, version: RoomVersion, at time: Timestamp) throws -> RoomHandle {
        let number = try transaction.first(
            "INSERT INTO rooms (room_id, version, created_ts) VALUES ($1, $2, $3) RETURNING room",
            .text(id.string), .text(version.id), .integer(time.milliseconds)
        ) { $0.int(0) }
        guard let number else { throw StorageError.damaged("room was not numbered") }
        return try handle(number, id, version.id)
    }

    private func handle(_ number: RoomNumber, _ id: RoomID, _ version: String) throws -> RoomHandle {
        guard let version = RoomVersion(version) else {
            throw StorageError.damaged("room \(id) has the unknown version \(version)")
        }
        let room = RoomHandle(number: number, id: id, version: version)
        publish { [caches] in
            caches.roomsByID.insert(room, for: id)
            caches.roomsByNumber.insert(room, for: number)
        }
        return room
    }

    /// Where the room stands in this transaction.
    package func position(of room: RoomHandle) throws -> RoomPosition {
        let row = try transaction.first(
            """
            SELECT state_root, (SELECT MAX(stream) FROM events WHERE room = $1 AND stream IS NOT NULL)
            FROM rooms WHERE room = $1
            """, .integer(room.number)
        ) { (StateRoot(node: $0.int(0)), $0.optionalInt(1) ?? 0) }
        guard let row else { throw StorageError.damaged("room \(room.id) is missing") }
        let extremities = try transaction.all(
            """
            SELECT x.event, e.event_id, e.depth, x.state FROM forward_extremities x JOIN events e ON e.event = x.event
            WHERE x.room = $1 ORDER BY x.event
            """, .integer(room.number)
        ) {
            RoomPosition.Extremity(
                number: $0.int(0), id: EventID(trusted: $0.text(1)), depth: $0.int(2), state: StateRoot(node: $0.int(3))
            )
        }
        return RoomPosition(room: room, state: row.0, lastStream: row.1, extremities: extremities)
    }

    /// The state after an event: that before it, changed by it unless it was rejected; `nil` for an outlier.
    ///
    /// May write trie nodes.
    package func stateAfter(_ record: EventRecord) throws -> StateRoot? {
        guard let before = record.stateBefore else { return nil }
        guard let key = record.stateKey, !record.flags.contains(.rejected) else { return before }
        return try states.root(before, changing: [key: record.number])
    }

    /// Writes where the room stands; `before` says what of it is written already.
    func update(_ position: RoomPosition, from before: RoomPosition) throws {
        let room = position.room.number
        if position.state != before.state {
            try transaction.execute(
                "UPDATE rooms SET state_root = $2 WHERE room = $1", .integer(room), .integer(position.state.node))
        }
        for gone in before.extremities where !position.extremities.contains(where: { $0.number == gone.number }) {
            try transaction.execute(
                "DELETE FROM forward_extremities WHERE room = $1 AND event = $2", .integer(room), .integer(gone.number))
        }
        for added in position.extremities where !before.extremities.contains(where: { $0.number == added.number }) {
            try transaction.execute(
                "INSERT INTO forward_extremities (room, event, state) VALUES ($1, $2, $3)",
                .integer(room), .integer(added.number), .integer(added.state.node))
        }
    }

    /// The greatest event number given out so far; the event stream ends there.
    package func lastEventNumber() throws -> EventNumber {
        try transaction.first("SELECT MAX(event) FROM events") { $0.optionalInt(0) ?? 0 } ?? 0
    }
}

extension RoomStores {
    /// The room's current state.
    package func currentState(of room: RoomHandle) throws -> StateRoot {
        let state = try transaction.first("SELECT state_root FROM rooms WHERE room = $1", .integer(room.number)) {
            StateRoot(node: $0.int(0))
        }
        guard let state else { throw StorageError.damaged("room \(room.id) is missing") }
        return state
    }

    /// The event under `key` in a state of a room.
    package func stateEvent(_ key: StateKey, in state: StateRoot) throws -> EventNumber? {
        guard let number = try number(of: key) else { return nil }
        return try states.event(under: number, in: state)
    }

    /// The events under `keys` in a state, parsed; a key without one is left out.
    package func parsedState(_ keys: [StateKey], in state: StateRoot) throws -> [StateKey: Event] {
        var events: [StateKey: Event] = [:]
        for key in keys {
            if let number = try stateEvent(key, in: state), let event = try parsedEvent(number) { events[key] = event }
        }
        return events
    }

    /// Up to how many entries a state is gone through one by one rather than by the index of types.
    private static var smallState: Int { 1_000 }

    /// The current state events of one type, in no particular order.
    package func currentState(of room: RoomHandle, type: EventType) throws -> [EventNumber] {
        if type == .member {
            return try transaction.all("SELECT event FROM memberships WHERE room = $1", .integer(room.number)) {
                $0.int(0)
            }
        }
        let root = try currentState(of: room)
        if try states.count(of: root) <= Self.smallState {
            return try states.entries(of: root).filter { try key($0.key).type == type }.map(\.event)
        }
        // The condition on the type that is repeated as text is the index's own: only so is it used.
        return try transaction.all(
            """
            SELECT c.event FROM state_keys k JOIN current_state c ON c.state_key = k.number AND c.room = $1
            WHERE k.type = $2 AND k.type <> 'm.room.member'
            """, .integer(room.number), .text(type.string)
        ) { $0.int(0) }
    }
}

extension RoomStores {
    /// Which of `rooms` have an event after `position`.
    package func rooms(among rooms: [RoomNumber], withEventsAfter position: StreamPosition) throws -> [RoomNumber] {
        try transaction.all(
            """
            SELECT r.room FROM rooms r WHERE r.room \(transaction.among(1, .integers)) AND EXISTS
                (SELECT 1 FROM events e WHERE e.room = r.room AND e.stream IS NOT NULL AND e.stream > $2)
            """,
            .integers(rooms), .integer(position)
        ) { $0.int(0) }
    }
}
