package import MatrixCore
import SQLEngine

/// An event about to be written, with what was decided about it.
package struct NewEvent: Sendable {
    package var event: Event
    /// Its number, from ``EventNumbers``.
    package var number: EventNumber
    /// Whether it enters the room's timeline; its stream position is its number then.
    package var isInTimeline: Bool
    package var flags: EventFlags
    package var stateBefore: StateRoot?
    package var roomState: StateRoot?
    package var stateKey: StateKeyNumber?
    package var replaces: EventNumber?
    package var prev: [EventNumber]
    package var transaction: EventTransaction?

    package init(
        event: Event, number: EventNumber, isInTimeline: Bool = true, flags: EventFlags = [],
        stateBefore: StateRoot?, roomState: StateRoot?, stateKey: StateKeyNumber?, replaces: EventNumber?,
        prev: [EventNumber], transaction: EventTransaction?
    ) {
        self.event = event
        self.number = number
        self.isInTimeline = isInTimeline
        self.flags = flags
        self.stateBefore = stateBefore
        self.roomState = roomState
        self.stateKey = stateKey
        self.replaces = replaces
        self.prev = prev
        self.transaction = transaction
    }
}

extension RoomStores {
    /// Writes an event with its edges and relation; returns it as it will be served.
    package func insert(_ new: NewEvent, in room: RoomHandle) throws -> StoredEvent {
        let event = new.event
        let pdu = try event.canonicalPDU()
        let record = EventRecord(
            number: new.number, room: room.number, eventID: event.eventID,
            stream: new.isInTimeline ? new.number : nil, depth: event.depth, originServerTS: event.originServerTS,
            stateKey: new.stateKey, stateBefore: new.stateBefore, roomState: new.roomState, replaces: new.replaces,
            flags: new.flags, redactedBy: nil, transaction: new.transaction)
        try transaction.execute(
            """
            INSERT INTO events (event, room, event_id, stream, depth, origin_server_ts, state_key, state_before,
                room_state, replaces, flags, transaction_account, transaction_device, transaction_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            """,
            .integer(record.number), .integer(record.room), .text(record.eventID.string), .optional(record.stream),
            .integer(record.depth), .integer(record.originServerTS.milliseconds), .optional(record.stateKey),
            .optional(record.stateBefore?.node), .optional(record.roomState?.node), .optional(record.replaces),
            .integer(record.flags.rawValue), .optional(record.transaction?.account),
            .optional(record.transaction?.device.string), .optional(record.transaction?.id))
        graph.numbers[record.eventID] = record.number
        try transaction.execute(
            "INSERT INTO event_json (event, pdu) VALUES ($1, $2)", .integer(record.number), .blob(pdu))
        for prev in new.prev {
            try transaction.execute(
                "INSERT INTO event_edges (event, prev) VALUES ($1, $2)", .integer(record.number), .integer(prev))
        }
        try insertRelation(of: event, number: record.number, in: room)
        let stored = try ClientFields.event(record, room: room, pdu: pdu)
        publish { [caches] in caches.insert(stored) }
        return stored
    }

    private func insertRelation(of event: Event, number: EventNumber, in room: RoomHandle) throws {
        guard let relation = event.content.object("m.relates_to"), let target = relation.string("event_id"),
            let type = relation.string("rel_type"), EventID(target) != nil, type.utf8.count <= 255,
            !type.utf8.contains(0)
        else { return }
        try transaction.execute(
            """
            INSERT INTO event_relations (event, room, relates_to, relation_type, type, sender)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, .integer(number), .integer(room.number), .text(target), .text(type), .text(event.type.string),
            .text(event.sender.string))
    }

    /// Notes the room's state after an event for which it had to be resolved.
    func setRoomState(of stored: StoredEvent, _ event: Event, to state: StateRoot) throws -> StoredEvent {
        try transaction.execute(
            "UPDATE events SET room_state = $2 WHERE event = $1", .integer(stored.number), .integer(state.node))
        var record = stored.record
        record.roomState = state
        let updated = try ClientFields.event(record, room: stored.room, pdu: try event.canonicalPDU())
        publish { [caches] in caches.insert(updated) }
        return updated
    }

    /// Notes that `event` is redacted by `redaction`, if nothing redacted it before.
    package func markRedacted(_ event: EventNumber, by redaction: EventNumber) throws {
        try transaction.execute(
            "UPDATE events SET redacted_by = $2 WHERE event = $1 AND redacted_by IS NULL",
            .integer(event), .integer(redaction))
        transaction.onCommit { [caches] in caches.markRedacted(event) }
    }
}

extension Event {
    /// The event in canonical JSON, as it is kept and sent to other servers.
    func canonicalPDU() throws -> [UInt8] { try object.canonical(numbers: version.eventFormat.numbers) }
}
