package import MatrixCore
import ModuleAPI
package import SQLEngine
package import Storage

/// Takes this server's events from a draft into a room's graph.
package final class EventSender: Sendable {
    private let database: any Database
    package let states: RoomStates
    private let writers: RoomWriters
    package let composer: EventComposer
    private let modules: ModuleRegistry
    private let stream: EventStream

    /// Transactions under way: a repeated request waits for the first and gets its answer.
    private let inFlight = KeyedLock<TransactionKey>()
    /// What transactions of late came to; older ones are looked up in storage.
    private let recent = BoundedCache<TransactionKey, EventID>(limit: 10_000)

    private struct TransactionKey: Hashable, Sendable {
        let room: RoomNumber
        let transaction: EventTransaction
    }

    package init(
        database: any Database, states: RoomStates, writers: RoomWriters, composer: EventComposer,
        modules: ModuleRegistry, stream: EventStream
    ) {
        self.database = database
        self.states = states
        self.writers = writers
        self.composer = composer
        self.modules = modules
        self.stream = stream
    }

    /// Sends an event into a room; returns its ID once it is durable.
    ///
    /// A state event that says what the state says already is not sent again: its predecessor's ID is returned. A
    /// transaction that was completed before returns the event it sent then.
    package func send(_ intent: EventIntent, to room: RoomHandle) async throws -> EventID {
        try checkForm(intent)
        guard let transaction = intent.transaction else { return try await sendOnce(intent, to: room) }
        let key = TransactionKey(room: room.number, transaction: transaction)
        if let sent = recent[key] { return sent }
        return try await inFlight.withLock(on: key) {
            if let sent = recent[key] { return sent }
            let sent: EventID
            do {
                sent = try await sendOnce(intent, to: room)
            } catch let error as any MatrixErrorConvertible {
                // It may have been sent when it was still allowed.
                let earlier = try await self.event(in: room, sentBy: transaction)
                guard let earlier else { throw error }
                sent = earlier
            }
            recent.insert(sent, for: key)
            return sent
        }
    }

    private func event(in room: RoomHandle, sentBy transaction: EventTransaction) async throws -> EventID? {
        try await database.read { [caches = states.caches] in
            try RoomStores($0, caches: caches, .reading).event(in: room, sentBy: transaction)
        }
    }

    /// PostgreSQL's text holds no NUL, and no client has a use for one in a type or state key.
    private func checkForm(_ intent: EventIntent) throws {
        if intent.type.string.utf8.contains(0) || intent.stateKey?.utf8.contains(0) == true {
            throw MatrixError.invalidParam("Event types and state keys must not contain NUL")
        }
    }

    private func sendOnce(_ intent: EventIntent, to room: RoomHandle) async throws -> EventID {
        if modules.needsDraft { return try await sendDrafted(intent, to: room) }
        return try await writers.withCommitLease(on: room) { lease in
            let position = try await states.position(under: lease)
            if let same = try await unchanged(intent, in: room) { return same }
            let (event, redacts) = try await draft(intent, at: position)
            return try await commit(event, redacts: redacts, intent.transaction, onto: position, lease)
        }
    }

    /// The way of an event that modules see first. They see it drafted on the room as it stands; no lease is held
    /// meanwhile, as they may send into the room themselves. If something did, the graph forks, which is legal.
    private func sendDrafted(_ intent: EventIntent, to room: RoomHandle) async throws -> EventID {
        if let transaction = intent.transaction, let sent = try await event(in: room, sentBy: transaction) { return sent }
        if let same = try await unchanged(intent, in: room) { return same }
        var intent = intent
        let position = try await writers.withCommitLease(on: room) { try await states.position(under: $0) }
        var (event, redacts) = try await draft(intent, at: position)
        let map = stateMap(of: room, at: position.state)
        if case .replace(let object) = try await modules.checkEventAllowed(event, state: map) {
            let replacement = try EventReplacement(object, of: event, on: composer.serverName)
            intent.redacts = replacement.redacts
            intent.content = replacement.content
            intent.sender = replacement.sender
            (event, redacts) = try await draft(intent, at: position)
        }
        if event.type != .member { try await modules.checkEventForSpam(event) }
        return try await writers.withCommitLease(on: room) { lease in
            let now = try await states.position(under: lease)
            if now.state != position.state { try await authorize(event, in: room, at: now.state) }
            return try await commit(event, redacts: redacts, intent.transaction, onto: now, lease)
        }
    }

    /// The state event that says just what `intent` would, if the room has it.
    private func unchanged(_ intent: EventIntent, in room: RoomHandle) async throws -> EventID? {
        guard let key = intent.state, let current = try await states.current(key, in: room),
            current.sender == intent.sender, current.content == intent.content
        else { return nil }
        return current.eventID
    }

    /// The authorized, signed event for `intent`.
    private func draft(
        _ intent: EventIntent, at position: RoomPosition
    ) async throws -> (Event, redacts: EventNumber?) {
        let room = position.room
        var keys = composer.authKeys(of: intent, in: room.version)
        if intent.redacts != nil { keys.append(.create) }
        // From room version 12 on the create event is no auth event, yet the rules ask for it.
        if !keys.contains(.create) { keys.append(.create) }
        let state = try await states.events(keys, in: position.state, of: room)
        let hashes = try await referenceHashes(of: position, state)
        let event = try composer.compose(intent, at: position, state: state, referenceHashes: hashes)
        try MatrixCore.authorize(event, state: { state[$0] })
        guard let target = intent.redacts else { return (event, nil) }
        return (event, try await redactable(target, by: event, state: state))
    }

    /// Room versions 1 and 2 name events with their hashes.
    private func referenceHashes(
        of position: RoomPosition, _ state: [StateKey: Event]
    ) async throws -> [EventID: [UInt8]] {
        guard position.room.version.eventFormat.referencesCarryHashes else { return [:] }
        let numbers = position.extremities.map(\.number)
        let events = try await database.read { [caches = states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try numbers.compactMap { try stores.parsedEvent($0) }
        }
        return try Dictionary(
            (events + state.values).map { ($0.eventID, try referenceHash($0.object, version: $0.version)) }
        ) { $1 }
    }

    private func authorize(_ event: Event, in room: RoomHandle, at state: StateRoot) async throws {
        let keys = event.authorizationStateKeys + [.create]
        let events = try await states.events(keys, in: state, of: room)
        try MatrixCore.authorize(event, state: { events[$0] })
    }

    /// The event that `redaction` may redact; `nil` if this server does not have it.
    ///
    /// Spec: Server-Server API and room version 3,
    /// [Redactions](https://spec.matrix.org/v1.19/rooms/v3/#redactions): the sender needs the level to redact, or must
    /// have sent the event. (Between servers, one of the same server may; between this server's own users that will not do.)
    private func redactable(
        _ target: EventID, by redaction: Event, state: [StateKey: Event]
    ) async throws -> EventNumber? {
        let event = try await database.read { [caches = states.caches] in
            try RoomStores($0, caches: caches, .reading).event(target)
        }
        guard let event else { return nil }
        guard event.room.id == redaction.roomID else {
            throw MatrixError(status: 400, code: .unknown, message: "Cannot redact event from a different room")
        }
        if event.type == .create { throw MatrixError.forbidden("Redacting create events is not permitted") }
        if event.type == .serverACL { throw MatrixError.forbidden("Redacting server ACL events is not permitted") }
        let levels = PowerLevels(
            content: state[.powerLevels]?.content, create: state[.create], version: redaction.version)
        guard levels.level(of: redaction.sender) >= levels.redact || event.sender == redaction.sender else {
            throw MatrixError.forbidden("You don't have permission to redact events")
        }
        return event.number
    }

    /// The state of a room as modules see it, read when they look.
    func stateMap(of room: RoomHandle, at state: StateRoot) -> StateMap {
        StateMap(
            load: { [states] key in try await states.events([key], in: state, of: room)[key] },
            loadAll: { [states] in try await states.allEvents(in: state) })
    }

    // MARK: Commit

    private func commit(
        _ event: Event, redacts: EventNumber?, _ transaction: EventTransaction?, onto position: RoomPosition,
        _ lease: borrowing CommitLease
    ) async throws -> EventID {
        let commit = EventToCommit(event, redacts: redacts, transaction: transaction)
        return try await self.commit([commit], onto: position, lease)
    }

    /// Writes the events in one transaction. Whoever waits for them is told once they are durable.
    /// - Returns: The last event's ID; that of an earlier event if its transaction was completed before.
    @discardableResult
    private func commit(
        _ events: [EventToCommit], onto position: RoomPosition, _ lease: borrowing CommitLease
    ) async throws -> EventID {
        precondition(lease.room == position.room, "The lease is on another room")
        return try await database.write { [caches = states.caches, states, stream] transaction in
            let stores = RoomStores(transaction, caches: caches, .writing)
            if let sent = events.last?.transaction, let earlier = try stores.event(in: position.room, sentBy: sent) {
                return earlier
            }
            let commit = try stores.commit(events, onto: position)
            transaction.onCommit {
                states.apply(commit, events.map(\.event))
                stream.advance(commit, from: position.state)
            }
            return commit.events.last?.eventID ?? EventID(trusted: "")
        }
    }

    /// Adds a new room with its first events, in one transaction, and whatever `further` adds to that.
    func createRoom(
        _ id: RoomID, version: RoomVersion, events: [Event],
        further: @escaping @Sendable (RoomStores, RoomHandle) throws -> Void
    ) async throws -> RoomHandle {
        let now = composer.time.now()
        return try await database.write { [caches = states.caches, states, stream] transaction in
            let stores = RoomStores(transaction, caches: caches, .writing)
            let room = try stores.insertRoom(id, version: version, at: now)
            let empty = RoomPosition(room: room, state: .empty, lastStream: 0, extremities: [])
            let commit = try stores.commit(events.map { EventToCommit($0) }, onto: empty)
            try further(stores, room)
            transaction.onCommit {
                states.apply(commit, events)
                stream.advance(commit, from: .empty)
            }
            return room
        }
    }
}
