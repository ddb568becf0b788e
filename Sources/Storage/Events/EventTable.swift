package import MatrixCore
import SQLEngine

/// Events: reading them by number, ID and place in the stream.
extension RoomStores {
    private static var recordColumns: String {
        """
        e.event, e.room, e.event_id, e.stream, e.depth, e.origin_server_ts, e.state_key, e.state_before, e.room_state,
        e.replaces, e.flags, e.redacted_by, e.transaction_account, e.transaction_device, e.transaction_id
        """
    }

    private static func record(_ row: borrowing Row) throws -> EventRecord {
        var transaction: EventTransaction?
        if let account = row.optionalInt(12), let id = row.optionalText(14) {
            transaction = EventTransaction(account: account, device: DeviceID(row.optionalText(13) ?? ""), id: id)
        }
        return EventRecord(
            number: row.int(0), room: row.int(1), eventID: EventID(trusted: row.text(2)), stream: row.optionalInt(3),
            depth: row.int(4), originServerTS: Timestamp(milliseconds: row.int(5)), stateKey: row.optionalInt(6),
            stateBefore: row.optionalInt(7).map(StateRoot.init(node:)),
            roomState: row.optionalInt(8).map(StateRoot.init(node:)), replaces: row.optionalInt(9),
            flags: EventFlags(rawValue: row.int(10)), redactedBy: row.optionalInt(11), transaction: transaction)
    }

    /// The rows of `numbers`, in no particular order; a number without a row is left out.
    package func records(_ numbers: [EventNumber]) throws -> [EventRecord] {
        guard !numbers.isEmpty else { return [] }
        return try transaction.all(
            "SELECT \(Self.recordColumns) FROM events e WHERE e.event \(transaction.among(1, .integers))",
            .integers(numbers), row: Self.record)
    }

    /// The events with these numbers, in this order; a number without an event is left out.
    package func events(_ numbers: [EventNumber]) throws -> [StoredEvent] {
        let cached = caches.events.values(of: numbers)
        let missing = zip(numbers, cached).compactMap { $1 == nil ? $0 : nil }
        if missing.isEmpty { return cached.compactMap(\.self) }
        var loaded: [EventNumber: StoredEvent] = [:]
        let rows = try transaction.all(
            """
            SELECT \(Self.recordColumns), j.pdu FROM events e JOIN event_json j ON j.event = e.event
            WHERE e.event \(transaction.among(1, .integers))
            """, .integers(missing)
        ) { (try Self.record($0), $0.blob(15)) }
        for (record, pdu) in rows {
            loaded[record.number] = try ClientFields.event(record, room: try room(record.room), pdu: pdu)
        }
        let events = loaded
        publish { [caches] in for event in events.values { caches.insert(event) } }
        return zip(numbers, cached).compactMap { $1 ?? loaded[$0] }
    }

    package func event(_ number: EventNumber) throws -> StoredEvent? { try events([number]).first }

    /// The event with this ID, whatever its room.
    package func event(_ id: EventID) throws -> StoredEvent? { try number(of: id).flatMap { try event($0) } }

    package func number(of id: EventID) throws -> EventNumber? {
        if let number = graph.numbers[id] { return number }
        return try transaction.first("SELECT event FROM events WHERE event_id = $1", .text(id.string)) { $0.int(0) }
    }

    /// The numbers of those of `ids` that are stored, in no particular order.
    package func numbers(of ids: [EventID]) throws -> [EventNumber] {
        var numbers: [EventNumber] = []
        var missing: [String] = []
        for id in ids {
            if let number = graph.numbers[id] { numbers.append(number) } else { missing.append(id.string) }
        }
        guard !missing.isEmpty else { return numbers }
        return try numbers
            + transaction.all(
                "SELECT event FROM events WHERE event_id \(transaction.among(1, .texts))", .texts(missing)
            ) { $0.int(0) }
    }

    /// The event in full, as the authorization rules, modules and federation need it; what remains of it if it was redacted.
    package func parsedEvent(_ number: EventNumber) throws -> Event? {
        if let event = caches.parsed[number] { return event }
        return try loadParsed([number])[number]
    }

    /// Events in full, by number; one that is not stored is left out. Each is parsed: give them in portions.
    package func parsedEvents(_ numbers: [EventNumber]) throws -> [EventNumber: Event] {
        var events: [EventNumber: Event] = [:]
        var missing: [EventNumber] = []
        for (number, cached) in zip(numbers, caches.parsed.values(of: numbers)) {
            if let cached { events[number] = cached } else { missing.append(number) }
        }
        return missing.isEmpty ? events : events.merging(try loadParsed(missing)) { $1 }
    }

    private func loadParsed(_ numbers: [EventNumber]) throws -> [EventNumber: Event] {
        let isOne = numbers.count == 1
        let rows = try transaction.all(
            """
            SELECT e.event, e.event_id, e.room, j.pdu, e.redacted_by
            FROM events e JOIN event_json j ON j.event = e.event
            WHERE e.event \(isOne ? "= $1" : transaction.among(1, .integers))
            """, isOne ? .integer(numbers[0]) : .integers(numbers)
        ) { ($0.int(0), EventID(trusted: $0.text(1)), $0.int(2), $0.blob(3), isRedacted: $0.optionalInt(4) != nil) }
        var events: [EventNumber: Event] = [:]
        for (number, id, room, pdu, isRedacted) in rows {
            let room = try self.room(room)
            let whole = Event(stored: try JSONObject.parse(pdu), eventID: id, roomID: room.id, version: room.version)
            let event = isRedacted ? whole.redacted() : whole
            events[number] = event
            publish { [caches] in
                caches.insert(event, number, isRedacted: isRedacted, cost: pdu.count * 4 + 500)
            }
        }
        return events
    }

    /// The event that a device sent under this transaction ID, if it did.
    package func event(in room: RoomHandle, sentBy sent: EventTransaction) throws -> EventID? {
        try transaction.first(
            """
            SELECT event_id FROM events WHERE transaction_account = $1 AND transaction_id = $2
            AND transaction_device = $3 AND room = $4
            """, .integer(sent.account), .text(sent.id), .text(sent.device.string), .integer(room.number)
        ) { EventID(trusted: $0.text(0)) }
    }

    /// Up to `limit` events of any room after a position of the stream, oldest first.
    package func events(
        after position: StreamPosition, limit: Int
    ) throws -> [(stored: StoredEvent, parsed: Event)] {
        let numbers = try transaction.all(
            "SELECT event FROM events WHERE event > $1 AND stream IS NOT NULL ORDER BY event LIMIT $2",
            .integer(position), .integer(Int64(limit))
        ) { $0.int(0) }
        let parsed = try parsedEvents(numbers)
        return try events(numbers).compactMap { stored in parsed[stored.number].map { (stored, $0) } }
    }

    // MARK: Timelines

    /// Which way a timeline is read.
    package enum Direction: Sendable { case forwards, backwards }

    /// An event's number and place in a room's timeline.
    package struct TimelineEntry: Hashable, Sendable {
        package let number: EventNumber
        package let stream: StreamPosition
    }

    /// At most `limit` events of the room with `after < stream <= upTo`, in the order of reading.
    package func timeline(
        of room: RoomHandle, after: StreamPosition, upTo: StreamPosition, limit: Int, _ direction: Direction
    ) throws -> [TimelineEntry] {
        let order = direction == .forwards ? "ASC" : "DESC"
        return try transaction.all(
            """
            SELECT event, stream FROM events WHERE room = $1 AND stream IS NOT NULL AND stream > $2 AND stream <= $3
            ORDER BY stream \(order) LIMIT $4
            """, .integer(room.number), .integer(after), .integer(upTo), .integer(Int64(limit))
        ) { TimelineEntry(number: $0.int(0), stream: $0.int(1)) }
    }

    /// The room's current state as it was at a position of the stream; `nil` if the room had no event yet.
    package func roomState(of room: RoomHandle, at position: StreamPosition) throws -> StateRoot? {
        try transaction.first(
            """
            SELECT room_state FROM events WHERE room = $1 AND stream IS NOT NULL AND stream <= $2
            ORDER BY stream DESC LIMIT 1
            """, .integer(room.number), .integer(position)
        ) { $0.optionalInt(0).map(StateRoot.init(node:)) } ?? nil
    }

    /// The event closest to a time: the first at or after it, or the last at or before it.
    package func event(of room: RoomHandle, closestTo time: Timestamp, _ direction: Direction) throws -> EventNumber? {
        let (comparison, order) = direction == .forwards ? (">=", "ASC") : ("<=", "DESC")
        return try transaction.first(
            """
            SELECT event FROM events WHERE room = $1 AND stream IS NOT NULL AND origin_server_ts \(comparison) $2
            ORDER BY origin_server_ts \(order), stream \(order) LIMIT 1
            """, .integer(room.number), .integer(time.milliseconds)
        ) { $0.int(0) }
    }

    /// Events that relate to `target`, newest first, `before` a place in the stream.
    package func relations(
        to target: EventID, in room: RoomHandle, relationType: String?, eventType: EventType?,
        after: StreamPosition, upTo: StreamPosition, limit: Int, _ direction: Direction
    ) throws -> [TimelineEntry] {
        let order = direction == .forwards ? "ASC" : "DESC"
        return try transaction.all(
            """
            SELECT e.event, e.stream FROM event_relations r JOIN events e ON e.event = r.event
            WHERE r.relates_to = $1 AND r.room = $2 AND e.stream IS NOT NULL AND e.redacted_by IS NULL
            AND ($3 = '' OR r.relation_type = $3) AND ($4 = '' OR r.type = $4) AND e.stream > $5 AND e.stream <= $6
            ORDER BY e.stream \(order) LIMIT $7
            """, .text(target.string), .integer(room.number), .text(relationType ?? ""),
            .text(eventType?.string ?? ""), .integer(after), .integer(upTo), .integer(Int64(limit))
        ) { TimelineEntry(number: $0.int(0), stream: $0.int(1)) }
    }

    /// Whether some event that was not redacted relates to `target`.
    /// - Parameters:
    ///   - senders: Whose events count; `nil` for anybody's.
    ///   - types: Which types of relation count; `nil` for any.
    package func hasRelation(
        to target: EventID, in room: RoomHandle, senders: [String]?, types: [String]?
    ) throws -> Bool {
        try transaction.first(
            """
            SELECT 1 FROM event_relations r JOIN events e ON e.event = r.event
            WHERE r.relates_to = $1 AND r.room = $2 AND e.stream IS NOT NULL AND e.redacted_by IS NULL
            AND ($3 = 1 OR r.sender \(transaction.among(4, .texts)))
            AND ($5 = 1 OR r.relation_type \(transaction.among(6, .texts))) LIMIT 1
            """, .text(target.string), .integer(room.number), .integer(senders == nil ? 1 : 0), .texts(senders ?? []),
            .integer(types == nil ? 1 : 0), .texts(types ?? [])
        ) { _ in true } ?? false
    }

    /// The events of one type by which a user annotates `target` (`m.annotation`), but for those redacted.
    package func annotations(
        by sender: UserID, of target: EventID, type: EventType, in room: RoomHandle
    ) throws -> [EventNumber] {
        try transaction.all(
            """
            SELECT e.event FROM event_relations r JOIN events e ON e.event = r.event
            WHERE r.relates_to = $1 AND r.relation_type = 'm.annotation' AND r.room = $2 AND r.type = $3
            AND r.sender = $4 AND e.stream IS NOT NULL AND e.redacted_by IS NULL
            """, .text(target.string), .integer(room.number), .text(type.string), .text(sender.string)
        ) { $0.int(0) }
    }
}

extension StorageCaches {
    /// Keeps `event`, unless it was redacted since it was read.
    func insert(_ event: StoredEvent) {
        events.insert(event, for: event.number, cost: event.cost)
        // Looked up after the insertion: a redaction that comes between removes the event itself.
        if event.record.redactedBy == nil, redacted[event.number] != nil { events.remove(event.number) }
    }

    /// Keeps `event` in full, unless it was redacted since it was read.
    func insert(_ event: Event, _ number: EventNumber, isRedacted: Bool, cost: Int) {
        parsed.insert(event, for: number, cost: cost)
        if !isRedacted, redacted[number] != nil { parsed.remove(number) }
    }

    /// Forgets what `event` was before it was redacted, also where a reader is about to put it back.
    func markRedacted(_ event: EventNumber) {
        redacted.insert(true, for: event)
        events.remove(event)
        parsed.remove(event)
    }
}
