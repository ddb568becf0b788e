/// The checks that make an object an event, apart from hashes, signatures and authorization.
///
/// Spec: Client-Server API, [Size limits](https://spec.matrix.org/v1.19/client-server-api/#size-limits), and each room
/// version's event format.
struct EventFormat {
    /// The most bytes a type or a state key may have.
    static let maximumFieldBytes = 255
    static let maximumPrevEvents = 20
    static let maximumAuthEvents = 10

    let header: EventHeader
    let rules: EventFormatRules

    func type() throws(EventFormatError) -> EventType {
        EventType(try shortText(header.type, "type"))
    }

    func stateKey() throws(EventFormatError) -> String? {
        guard let value = header.stateKey else { return nil }
        return try shortText(value, "state_key")
    }

    func sender() throws(EventFormatError) -> UserID {
        let string = try identifier(header.sender, "sender")
        guard let sender = UserID(string) else { throw .invalid(field: "sender") }
        return sender
    }

    /// The room ID; `nil` of a create event whose hash it is.
    func roomID(isCreate: Bool) throws(EventFormatError) -> RoomID? {
        // Authorization rule 1.2 of room version 12 refuses a create event with a room ID, so it is none here.
        if isCreate, rules.roomIDIsCreateHash { return nil }
        let string = try identifier(header.roomID, "room_id")
        guard let roomID = RoomID(string) else { throw .invalid(field: "room_id") }
        return roomID
    }

    /// The event ID; `nil` if it is a hash of the event.
    func eventID() throws(EventFormatError) -> EventID? {
        guard rules.eventID == .chosen else { return nil }
        let string = try identifier(header.eventID, "event_id")
        guard let eventID = EventID(string), eventID.server != nil else { throw .invalid(field: "event_id") }
        return eventID
    }

    func content() throws(EventFormatError) -> JSONObject {
        guard let value = header.content else { throw .missing(field: "content") }
        guard let content = value.objectValue else { throw .invalid(field: "content") }
        return content
    }

    func originServerTS() throws(EventFormatError) -> Timestamp {
        Timestamp(milliseconds: try integer(header.originServerTS, "origin_server_ts"))
    }

    func depth() throws(EventFormatError) -> Int64 {
        let depth = try integer(header.depth, "depth")
        guard depth >= 0 else { throw .invalid(field: "depth") }
        return depth
    }

    func prevEvents() throws(EventFormatError) -> [EventID] {
        try references(header.prevEvents, "prev_events", limit: Self.maximumPrevEvents)
    }

    func authEvents() throws(EventFormatError) -> [EventID] {
        try references(header.authEvents, "auth_events", limit: Self.maximumAuthEvents)
    }

    /// Checks the members no accessor reads.
    func checkRest() throws(EventFormatError) {
        for (value, field) in [(header.hashes, "hashes"), (header.signatures, "signatures")] {
            guard let value else { throw .missing(field: field) }
            guard case .object = value else { throw .invalid(field: field) }
        }
        switch header.unsigned {
        case nil, .object?: break
        default: throw .invalid(field: "unsigned")
        }
    }

    private func text(_ value: JSON?, _ field: String) throws(EventFormatError) -> String {
        guard let value else { throw .missing(field: field) }
        guard case .string(let string) = value else { throw .invalid(field: field) }
        return string
    }

    /// A type or state key. One that holds NUL is refused, as no server that stores text in PostgreSQL can keep it.
    private func shortText(_ value: JSON?, _ field: String) throws(EventFormatError) -> String {
        let string = try text(value, field)
        guard string.utf8.count <= Self.maximumFieldBytes else {
            throw .tooLong(field: field, limit: Self.maximumFieldBytes)
        }
        guard !string.utf8.contains(0) else { throw .invalid(field: field) }
        return string
    }

    private func identifier(_ value: JSON?, _ field: String) throws(EventFormatError) -> String {
        let string = try text(value, field)
        guard string.utf8.count <= maximumIdentifierBytes else {
            throw .tooLong(field: field, limit: maximumIdentifierBytes)
        }
        return string
    }

    private func integer(_ value: JSON?, _ field: String) throws(EventFormatError) -> Int64 {
        guard let value else { throw .missing(field: field) }
        guard case .integer(let integer) = value else { throw .invalid(field: field) }
        return integer
    }

    private func references(_ value: JSON?, _ field: String, limit: Int) throws(EventFormatError) -> [EventID] {
        guard let value else { throw .missing(field: field) }
        guard let references = EventHeader.references(value, rules: rules, read: { EventID($0) })
        else { throw .invalid(field: field) }
        guard references.count <= limit else { throw .tooMany(field: field, limit: limit) }
        return references
    }
}
