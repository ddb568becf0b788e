package import MatrixCore
package import SQLEngine
package import Storage
import Synchronization

/// What an event must fulfil beside the rules of the room.
package typealias EventCheck = @Sendable (EventIntent) async throws -> Void

/// Takes this server's events from a draft into a room's graph.
package final class EventSender: Sendable {
    let database: any Database
    package let states: RoomStates
    let writers: RoomWriters
    package let composer: EventComposer
    let modules: ModuleRegistry
    let stream: EventStream

    /// Transactions under way: a repeated request waits for the first and gets its answer.
    private let inFlight = KeyedLock<TransactionKey>()
    /// What transactions of late came to; older ones are looked up in storage.
    private let recent = BoundedCache<TransactionKey, EventID>(limit: 10_000)

    /// Events that wait for their room's lease, in order of arrival.
    let waiting = Mutex<[RoomNumber: [PendingSend]]>([:])
    /// Which events the drafts that modules look at follow.
    let claims = DraftClaims()

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
    /// - Parameter check: What the event must fulfil beside the rules of the room; asked of what modules made of it.
    package func send(
        _ intent: EventIntent, to room: RoomHandle, check: EventCheck? = nil
    ) async throws -> EventID {
        try intent.checkForm()
        guard let transaction = intent.transaction else { return try await sendOnce(intent, to: room, check) }
        let key = TransactionKey(room: room.number, transaction: transaction)
        if let sent = recent[key] { return sent }
        return try await inFlight.withLock(on: key) {
            if let sent = recent[key] { return sent }
            let sent: EventID
            do {
                sent = try await sendOnce(intent, to: room, check)
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

    /// The event that a device sent before under this transaction ID, if it did.
    func event(in room: RoomHandle, sentBy transaction: EventTransaction) async throws -> EventID? {
        try await database.read { [caches = states.caches] in
            try RoomStores($0, caches: caches, .reading).event(in: room, sentBy: transaction)
        }
    }

    private func sendOnce(
        _ intent: EventIntent, to room: RoomHandle, _ check: EventCheck?
    ) async throws -> EventID {
        if modules.needsDraft { return try await sendDrafted(intent, to: room, check) }
        try await check?(intent)
        return try await deliver(PendingSend(intent), to: room)
    }

    /// The state event that says just what `intent` would, if the room has it.
    func unchanged(_ intent: EventIntent, in room: RoomHandle, _ line: EventLine) async throws -> EventID? {
        guard let key = intent.state, let current = try await line.state(of: [key], from: states)[key],
            current.sender == intent.sender, current.content == intent.content
        else { return nil }
        return current.eventID
    }

    /// The authorized, signed event for `intent` at the end of a line.
    func draft(
        _ intent: EventIntent, at line: EventLine
    ) async throws -> (Event, redacts: EventNumber?) {
        let state = try await authState(of: intent, at: line)
        let event = try await compose(intent, at: line, state: state)
        try intent.checkContent(on: composer.serverName)
        return (event, try await permit(event, as: intent, state: state))
    }

    /// The state that decides whether `intent` is allowed.
    func authState(of intent: EventIntent, at line: EventLine) async throws -> [StateKey: Event] {
        var keys = composer.authKeys(of: intent, in: line.position.room.version)
        // From room version 12 on the create event is no auth event, yet the rules ask for it.
        if !keys.contains(.create) { keys.append(.create) }
        return try await line.state(of: keys, from: states)
    }

    /// The signed event for `intent` at the end of a line, whether it is allowed or not.
    func compose(_ intent: EventIntent, at line: EventLine, state: [StateKey: Event]) async throws -> Event {
        let hashes = try await referenceHashes(of: line, state)
        return try composer.compose(intent, at: line.position, state: state, referenceHashes: hashes)
    }

    /// Authorizes an event.
    /// - Returns: The event that it redacts.
    func permit(
        _ event: Event, as intent: EventIntent, state: [StateKey: Event]
    ) async throws -> EventNumber? {
        try MatrixCore.authorize(event, state: { state[$0] })
        guard let target = intent.redacts else { return nil }
        return try await redactable(target, by: event, state: state)
    }

    /// Room versions 1 and 2 name events with their hashes.
    private func referenceHashes(
        of line: EventLine, _ state: [StateKey: Event]
    ) async throws -> [EventID: [UInt8]] {
        guard line.position.room.version.eventFormat.referencesCarryHashes else { return [:] }
        let numbers = line.position.extremities.map(\.number).filter { $0 != EventLine.unwritten }
        let events = try await database.read { [caches = states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try numbers.compactMap { try stores.parsedEvent($0) }
        }
        return try Dictionary(
            (events + line.events.map(\.event) + state.values).map {
                ($0.eventID, try referenceHash($0.object, version: $0.version))
            }
        ) { $1 }
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

    // MARK: Commit

    /// Writes the events in one transaction. Whoever waits for them is told once they are durable.
    func commit(
        _ events: [EventToCommit], onto position: RoomPosition, _ lease: borrowing CommitLease
    ) async throws {
        precondition(lease.room == position.room, "The lease is on another room")
        try await database.write { [caches = states.caches, states, stream] transaction in
            let stores = RoomStores(transaction, caches: caches, .writing)
            let commit = try stores.commit(events, onto: position)
            let redacted = try events.compactMap { try $0.redacts.flatMap { try stores.event($0)?.state } }
            transaction.onCommit {
                states.redactions.note(redacted, in: position.room.number)
                states.apply(commit, events.map(\.event))
                stream.advance(commit, from: position.state)
            }
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
