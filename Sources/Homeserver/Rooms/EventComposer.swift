package import MatrixCore
package import Storage

/// What somebody wants to say in a room, before it has a place in the room's graph.
package struct EventIntent: Sendable {
    package var type: EventType
    package var stateKey: String?
    package var content: JSONObject
    package var sender: UserID
    /// What a redaction redacts.
    package var redacts: EventID?
    package var transaction: EventTransaction?
    /// Overrides the time; for application services.
    package var originServerTS: Timestamp?

    package init(
        type: EventType, stateKey: String? = nil, content: JSONObject, sender: UserID, redacts: EventID? = nil,
        transaction: EventTransaction? = nil, originServerTS: Timestamp? = nil
    ) {
        self.type = type
        self.stateKey = stateKey
        self.content = content
        self.sender = sender
        self.redacts = redacts
        self.transaction = transaction
        self.originServerTS = originServerTS
    }

    package var state: StateKey? { stateKey.map { StateKey(type, $0) } }

    /// Refuses content that lacks what its type promises; and NUL, which PostgreSQL's text does not hold and no client has a use
    /// for, where it would be text there.
    /// - Throws: 400.
    func checkForm() throws(MatrixError) {
        if type.string.utf8.contains(0) || stateKey?.utf8.contains(0) == true {
            throw .invalidParam("Event types and state keys must not contain NUL")
        }
        if transaction?.id.utf8.contains(0) == true { throw .invalidParam("Transaction IDs must not contain NUL") }
        if let fault = contentFault { throw .unknown(fault) }
    }
}

/// Builds, hashes and signs this server's events.
package struct EventComposer: Sendable {
    package let serverName: ServerName
    package let key: SigningKey
    package let time: TimeSource

    package init(serverName: ServerName, key: SigningKey, time: TimeSource) {
        self.serverName = serverName
        self.key = key
        self.time = time
    }

    /// The most events an event names as the ones before it.
    ///
    /// Servers accept 20 (Server-Server API, PDUs); fewer keep events small, and what is left over comes with the next one.
    static let maximumPrevEvents = 10

    /// The state keys whose events decide whether `intent` is allowed.
    package func authKeys(of intent: EventIntent, in version: RoomVersion) -> [StateKey] {
        authorizationStateKeys(
            type: intent.type, stateKey: intent.stateKey, sender: intent.sender, content: intent.content,
            version: version)
    }

    /// The event for `intent` after what `position` knows.
    ///
    /// - Parameter state: At least the events under ``authKeys(of:in:)``.
    package func compose(
        _ intent: EventIntent, at position: RoomPosition, state: [StateKey: Event],
        referenceHashes: [EventID: [UInt8]] = [:]
    ) throws -> Event {
        let previous = position.extremities.sorted { ($0.depth, $0.number) > ($1.depth, $1.number) }
            .prefix(Self.maximumPrevEvents)
        return try compose(
            intent, in: position.room.id, version: position.room.version, prev: previous.map(\.id),
            depth: (previous.first?.depth ?? 0) + 1, state: state, referenceHashes: referenceHashes)
    }

    /// The event for `intent` after the events `prev`; with no room for the create event whose hash names its room.
    package func compose(
        _ intent: EventIntent, in room: RoomID?, version: RoomVersion, prev: [EventID], depth: Int64,
        state: [StateKey: Event], referenceHashes: [EventID: [UInt8]] = [:]
    ) throws -> Event {
        let keys = authKeys(of: intent, in: version)
        let draft = EventDraft(
            roomID: room, sender: intent.sender, type: intent.type, stateKey: intent.stateKey, content: intent.content,
            originServerTS: intent.originServerTS ?? time.now(), redacts: intent.redacts,
            depth: min(depth, JSON.maximumInteger), prevEvents: prev,
            authEvents: keys.compactMap { state[$0]?.eventID }, referenceHashes: referenceHashes)
        return try draft.sealed(version: version, origin: serverName, key: key)
    }
}
