package import MatrixCore
import SQLEngine

/// An authorized event on its way into a room's graph.
package struct EventToCommit: Sendable {
    package var event: Event
    package var isSoftFailed: Bool
    /// The event that this one, a redaction, takes effect on.
    package var redacts: EventNumber?
    package var transaction: EventTransaction?

    package init(
        _ event: Event, isSoftFailed: Bool = false, redacts: EventNumber? = nil, transaction: EventTransaction? = nil
    ) {
        self.event = event
        self.isSoftFailed = isSoftFailed
        self.redacts = redacts
        self.transaction = transaction
    }
}

/// What a commit did to a room.
package struct Commit: Sendable {
    /// Where the room stands now.
    package let position: RoomPosition
    /// The events, in the order of the stream.
    package let events: [StoredEvent]
    /// What changed in the room's current state, with the new events by key.
    package let changes: [StateChange]

    package struct StateChange: Sendable {
        package let key: StateKey
        package let number: StateKeyNumber
        /// `nil` if the key is in the state no more.
        package let event: EventNumber?
        /// Of a member event: what it says.
        package let membership: Membership?
        /// Where in the stream it changed.
        package let stream: StreamPosition
    }
}

extension RoomStores {
    /// Adds events to a room's graph, in order, and brings the room's state and members up to date.
    ///
    /// - Parameter before: Where the room stands, as the holder of the room's lease knows it.
    package func commit(_ events: [EventToCommit], onto before: RoomPosition) throws -> Commit {
        var position = before
        var stored: [StoredEvent] = []
        var changes: [Commit.StateChange] = []
        for event in events {
            let (committed, state) = try append(event, to: &position)
            if state != position.state {
                changes += try apply(from: position.state, to: state, at: committed.number, in: before.room)
                position.state = state
            }
            if let stream = committed.stream { position.lastStream = stream }
            if let redacted = event.redacts { try markRedacted(redacted, by: committed.number) }
            stored.append(committed)
        }
        try update(position, from: before)
        return Commit(position: position, events: stored, changes: changes)
    }

    /// Writes one event, and works out the room's state after it.
    private func append(
        _ committing: EventToCommit, to position: inout RoomPosition
    ) throws -> (StoredEvent, state: StateRoot) {
        let event = committing.event
        let room = position.room
        let prev = try event.prevEvents.compactMap { id in
            try position.extremities.first { $0.id == id }?.number ?? number(of: id)
        }
        let onTip = Set(prev) == Set(position.extremities.map(\.number))
        let before = onTip ? position.state : try resolve(try records(prev).compactMap(stateAfter), in: room)
        let key = try event.state.map { try intern($0) }
        let assigned = caches.numbers.next()
        let after = try key.map { try states.root(before, changing: [$0: assigned]) } ?? before
        let tipsBefore = Set(position.extremities.map(\.state))
        if !committing.isSoftFailed {
            position.extremities.removeAll { prev.contains($0.number) }
            position.extremities.append(
                RoomPosition.Extremity(number: assigned, id: event.eventID, depth: event.depth, state: after))
        }
        let tips = Set(position.extremities.map(\.state))
        // What the room's state was resolved from before need not be resolved again.
        let state: StateRoot? = tips.count == 1 ? tips.first : tips == tipsBefore ? position.state : nil
        var stored = try insert(
            NewEvent(
                event: event, number: assigned, isInTimeline: !committing.isSoftFailed,
                flags: committing.isSoftFailed ? .softFailed : [], stateBefore: before, roomState: state, stateKey: key,
                replaces: try key.flatMap { try states.event(under: $0, in: before) }, prev: prev,
                transaction: committing.transaction), in: room)
        if key != nil {
            try addToAuthChains(
                assigned, authEvents: try numbers(of: event.authEvents), replacing: stored.record.replaces)
        }
        if let state { return (stored, state) }
        // The state resolution reads the event, so it comes after it is written.
        let resolved = try resolve(Array(tips), in: room)
        stored = try setRoomState(of: stored, event, to: resolved)
        return (stored, resolved)
    }

    /// Brings the tables of current state and members from one state to another.
    private func apply(
        from old: StateRoot, to new: StateRoot, at stream: StreamPosition, in room: RoomHandle
    ) throws -> [Commit.StateChange] {
        var joined: Int64 = 0
        var invited: Int64 = 0
        let changes = try states.differences(from: old, to: new).map { difference in
            let key = try key(difference.key)
            let after = key.type == .member ? try difference.new.flatMap { try parsedEvent($0)?.membership } : nil
            let change = Commit.StateChange(
                key: key, number: difference.key, event: difference.new, membership: after, stream: stream)
            try writeCurrentState(change, in: room)
            guard key.type == .member else { return change }
            let before = try membership(of: change.number, in: room.number)?.membership
            joined += (after == .join ? 1 : 0) - (before == .join ? 1 : 0)
            invited += (after == .invite ? 1 : 0) - (before == .invite ? 1 : 0)
            if let after, let event = change.event {
                try upsertMembership(
                    user: change.number, isLocal: isLocal(change.key.key), room: room.number, membership: after,
                    event: event, at: stream)
            } else {
                try deleteMembership(user: change.number, room: room.number)
            }
            return change
        }
        if joined != 0 || invited != 0 {
            try transaction.execute(
                """
                UPDATE rooms SET joined_members = joined_members + $2, invited_members = invited_members + $3
                WHERE room = $1
                """, .integer(room.number), .integer(joined), .integer(invited))
        }
        return changes
    }

    private func isLocal(_ user: String) -> Bool { UserID(trusted: user).server == caches.serverName }

    private func writeCurrentState(_ change: Commit.StateChange, in room: RoomHandle) throws {
        if let event = change.event {
            try transaction.execute(
                """
                INSERT INTO current_state (room, state_key, event) VALUES ($1, $2, $3)
                ON CONFLICT (room, state_key) DO UPDATE SET event = $3
                """, .integer(room.number), .integer(change.number), .integer(event))
        } else {
            try transaction.execute(
                "DELETE FROM current_state WHERE room = $1 AND state_key = $2",
                .integer(room.number), .integer(change.number))
        }
    }
}
