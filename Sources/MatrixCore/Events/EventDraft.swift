/// An event about to be made: everything but its hashes, signatures and ID.
public struct EventDraft: Sendable {
    /// The room; `nil` only for a create event whose hash will be the room's ID.
    public var roomID: RoomID?
    public var sender: UserID
    public var type: EventType
    public var stateKey: String?
    public var content: JSONObject
    public var originServerTS: Timestamp
    /// What an `m.room.redaction` redacts; it is written where the room version keeps it.
    public var redacts: EventID?
    public var depth: Int64
    public var prevEvents: [EventID]
    public var authEvents: [EventID]
    /// Written into the event, but neither hashed nor signed.
    public var unsigned: JSONObject
    /// The reference hashes of ``prevEvents`` and ``authEvents``, which room versions 1 and 2 write beside the IDs. A
    /// missing one is left out of the event.
    public var referenceHashes: [EventID: [UInt8]]

    public init(
        roomID: RoomID?, sender: UserID, type: EventType, stateKey: String? = nil, content: JSONObject,
        originServerTS: Timestamp, redacts: EventID? = nil, depth: Int64, prevEvents: [EventID], authEvents: [EventID],
        unsigned: JSONObject = [:], referenceHashes: [EventID: [UInt8]] = [:]
    ) {
        self.roomID = roomID
        self.sender = sender
        self.type = type
        self.stateKey = stateKey
        self.content = content
        self.originServerTS = originServerTS
        self.redacts = redacts
        self.depth = depth
        self.prevEvents = prevEvents
        self.authEvents = authEvents
        self.unsigned = unsigned
        self.referenceHashes = referenceHashes
    }

    /// Makes the event: hashes and signs it, and works out its ID and, for a create event, the room's.
    ///
    /// Equal drafts become the same event.
    /// - Parameter origin: The server that signs; that of ``sender``.
    /// - Throws: ``EventFormatError`` if the event would not be one, by its size or the values in its content.
    public func sealed(
        version: RoomVersion, origin: ServerName, key: SigningKey
    ) throws(EventFormatError) -> Event {
        let rules = version.eventFormat
        var object = try unhashedObject(version: version)
        var encoding = try Self.encoding(of: object, version: version)
        var eventID: EventID?
        if rules.eventID == .chosen {
            // Any opaque ID will do. A hash makes it independent of chance, as later room versions have it.
            let opaque = Base64.encode(encoding.contentHash(), alphabet: .urlSafe)
            let chosen = EventID(trusted: "$\(opaque):\(origin.string)")
            guard chosen.string.utf8.count <= maximumIdentifierBytes else {
                throw .tooLong(field: "event_id", limit: maximumIdentifierBytes)
            }
            object["event_id"] = .string(chosen.string)
            encoding = try Self.encoding(of: object, version: version)
            eventID = chosen
        }

        let contentHash = Base64.encode(encoding.contentHash())
        let hashes: JSONObject = ["sha256": .string(contentHash)]
        let signed = encoding.signedBytes(rules: version.redaction, addingHashes: hashes.encoded())
        let signature: JSONObject = [key.id: .string(Base64.encode(key.sign(signed)))]
        let signatures: JSONObject = [origin.string: .object(signature)]

        let added = #""hashes":,"signatures":,"#.utf8.count + hashes.encoded().count + signatures.encoded().count
        let size = encoding.bytes.count + added
        guard size <= Event.maximumBytes else { throw .tooLarge(bytes: size) }

        object.appendNew("hashes", .object(hashes))
        object.appendNew("signatures", .object(signatures))
        let id = eventID ?? EventID(referenceHash: sha256(signed), source: rules.eventID)
        return Event(
            stored: object, eventID: id, roomID: roomID ?? RoomID(ofCreateEvent: id), version: version)
    }

    private static func encoding(of object: JSONObject, version: RoomVersion) throws(EventFormatError) -> EventEncoding
    {
        do { return try EventEncoding(object, version: version) } catch { throw .notCanonical(error) }
    }

    /// The PDU without `hashes`, `signatures` and `event_id`, its members in canonical order.
    private func unhashedObject(version: RoomVersion) throws(EventFormatError) -> JSONObject {
        let rules = version.eventFormat
        try checkFields(rules)
        var object = JSONObject()
        object.reserveCapacity(15)
        var content = content
        if let redacts, rules.redactsIsInContent { content["redacts"] = .string(redacts.string) }
        object.appendNew("auth_events", references(authEvents, rules))
        object.appendNew("content", .object(content))
        object.appendNew("depth", .integer(depth))
        object.appendNew("origin_server_ts", .integer(originServerTS.milliseconds))
        object.appendNew("prev_events", references(prevEvents, rules))
        if let redacts, !rules.redactsIsInContent { object.appendNew("redacts", .string(redacts.string)) }
        if let roomID { object.appendNew("room_id", .string(roomID.string)) }
        object.appendNew("sender", .string(sender.string))
        if let stateKey { object.appendNew("state_key", .string(stateKey)) }
        object.appendNew("type", .string(type.string))
        if !unsigned.isEmpty { object.appendNew("unsigned", .object(unsigned)) }
        return object
    }

    private func checkFields(_ rules: EventFormatRules) throws(EventFormatError) {
        for (text, field) in [(type.string, "type"), (stateKey ?? "", "state_key")] {
            guard text.utf8.count <= EventFormat.maximumFieldBytes else {
                throw .tooLong(field: field, limit: EventFormat.maximumFieldBytes)
            }
            guard !text.utf8.contains(0) else { throw .invalid(field: field) }
        }
        guard depth >= 0 else { throw .invalid(field: "depth") }
        guard prevEvents.count <= EventFormat.maximumPrevEvents else {
            throw .tooMany(field: "prev_events", limit: EventFormat.maximumPrevEvents)
        }
        guard authEvents.count <= EventFormat.maximumAuthEvents else {
            throw .tooMany(field: "auth_events", limit: EventFormat.maximumAuthEvents)
        }
        let mayLackRoom = rules.roomIDIsCreateHash && type == .create
        guard roomID != nil || mayLackRoom else { throw .missing(field: "room_id") }
    }

    private func references(_ events: [EventID], _ rules: EventFormatRules) -> JSON {
        .array(
            events.map { id in
                guard rules.referencesCarryHashes else { return .string(id.string) }
                let hashes: JSONObject = referenceHashes[id].map { ["sha256": .string(Base64.encode($0))] } ?? [:]
                return [.string(id.string), .object(hashes)]
            })
    }
}
