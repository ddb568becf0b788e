/// An event as servers exchange it: an immutable PDU of a known room version.
///
/// The object is kept whole, so members we know nothing of survive. What every rule needs is read from it once.
///
/// Spec: Server-Server API, [PDUs](https://spec.matrix.org/v1.19/server-server-api/#pdus), and each room version's event
/// format.
public final class Event: Sendable {
    /// The most bytes an event may have as canonical JSON, signatures included.
    ///
    /// Spec: Client-Server API, [Size limits](https://spec.matrix.org/v1.19/client-server-api/#size-limits).
    public static let maximumBytes = 65_536

    public let eventID: EventID
    /// The room; in room version 12 and later worked out for the create event, which does not name it.
    public let roomID: RoomID
    public let type: EventType
    /// The state key; `nil` unless this is a state event.
    public let stateKey: String?
    public let sender: UserID
    public let content: JSONObject
    public let originServerTS: Timestamp
    /// One more than the greatest depth of the events before it.
    public let depth: Int64
    /// The latest events the sender's server knew.
    public let prevEvents: [EventID]
    /// The events that allow this one, as the PDU names them; in room version 12 and later without the create event.
    public let authEvents: [EventID]
    /// What an `m.room.redaction` redacts, wherever the room version keeps it.
    public let redacts: EventID?
    /// The whole PDU as it goes over federation, with `unsigned` if it came with one.
    public let object: JSONObject
    public let version: RoomVersion

    /// What the event is filed under if it is a state event.
    public var state: StateKey? { stateKey.map { StateKey(type, $0) } }

    /// The membership an `m.room.member` event with a known one sets.
    public var membership: Membership? {
        guard type == .member, let membership = content.string("membership") else { return nil }
        return Membership(bytesOf: membership)
    }

    /// Reads a PDU from outside. Checks its format and works out its ID; not its hashes, signatures or authorization.
    public init(pdu: JSONObject, version: RoomVersion) throws(EventFormatError) {
        let rules = version.eventFormat
        let format = EventFormat(header: EventHeader(pdu), rules: rules)
        type = try format.type()
        stateKey = try format.stateKey()
        sender = try format.sender()
        let roomID = try format.roomID(isCreate: type == .create && stateKey?.isEmpty == true)
        let chosenID = try format.eventID()
        content = try format.content()
        originServerTS = try format.originServerTS()
        depth = try format.depth()
        prevEvents = try format.prevEvents()
        authEvents = try format.authEvents()
        redacts = format.header.redactedEvent(rules: rules)
        try format.checkRest()

        let encoding: EventEncoding
        do { encoding = try EventEncoding(pdu, version: version) } catch { throw .notCanonical(error) }
        guard encoding.bytes.count <= Self.maximumBytes else { throw .tooLarge(bytes: encoding.bytes.count) }
        if let chosenID {
            eventID = chosenID
        } else {
            let hash = sha256(encoding.signedBytes(rules: version.redaction))
            eventID = EventID(referenceHash: hash, source: rules.eventID)
        }
        self.roomID = roomID ?? RoomID(ofCreateEvent: eventID)
        object = pdu
        self.version = version
    }

    /// Wraps a PDU known to be an event: one that we made, or that comes back from our own storage. Nothing is checked.
    public init(stored pdu: JSONObject, eventID: EventID, roomID: RoomID, version: RoomVersion) {
        let header = EventHeader(pdu)
        self.eventID = eventID
        self.roomID = roomID
        type = EventType(header.type?.stringValue ?? "")
        stateKey = header.stateKey?.stringValue
        sender = UserID(trusted: header.sender?.stringValue ?? "")
        content = header.content?.objectValue ?? [:]
        originServerTS = Timestamp(milliseconds: header.originServerTS?.integerValue ?? 0)
        depth = header.depth?.integerValue ?? 0
        prevEvents =
            EventHeader.references(header.prevEvents, rules: version.eventFormat) { EventID(trusted: $0) } ?? []
        authEvents =
            EventHeader.references(header.authEvents, rules: version.eventFormat) { EventID(trusted: $0) } ?? []
        redacts = header.redactedEvent(rules: version.eventFormat)
        object = pdu
        self.version = version
    }

    /// Whether `hashes` holds the event's content hash.
    ///
    /// An event over federation that fails this is to be replaced by its redacted form.
    /// Spec: Server-Server API,
    /// [Validating hashes](https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events).
    public func hasValidContentHash() -> Bool {
        guard let claimed = object["hashes"]?["sha256"]?.stringValue.flatMap({ Base64.decode($0) }),
            let actual = try? contentHash(object, version: version)
        else { return false }
        return claimed == actual
    }

    /// The event as redaction leaves it; it has the same ID.
    public func redacted() -> Event {
        Event(stored: redact(object, version: version), eventID: eventID, roomID: roomID, version: version)
    }
}

extension Event: Hashable, CustomStringConvertible {
    /// Equal if the IDs are.
    public static func == (left: Event, right: Event) -> Bool { left.eventID == right.eventID }
    public func hash(into hasher: inout Hasher) { eventID.hash(into: &hasher) }
    public var description: String { "\(type) \(eventID)" }
}

extension EventID {
    /// The ID of the event with this reference hash.
    init(referenceHash: [UInt8], source: EventFormatRules.EventIDSource) {
        self.init(
            trusted: "$" + Base64.encode(referenceHash, alphabet: source == .referenceHash ? .standard : .urlSafe))
    }
}

extension RoomID {
    /// The ID of the room this create event makes, from room version 12 on.
    public init(ofCreateEvent eventID: EventID) { self.init(trusted: "!" + eventID.string.withoutSigil) }

    /// The create event of this room, if its ID is that event's hash: from room version 12 on.
    public var createEventID: EventID? {
        server == nil ? EventID(trusted: "$" + string.withoutSigil) : nil
    }
}

extension String {
    /// Everything after the first byte, which is ASCII.
    fileprivate var withoutSigil: Substring { isEmpty ? "" : self[utf8.index(after: startIndex)...] }
}
