import MatrixCore
import ModuleAPI
import SQLEngine
import Storage

/// Sending where modules have a say.
extension EventSender {
    /// The way of an event that modules see first.
    ///
    /// They see it drafted on the room as it stands, before anything else judges it; no lease is held meanwhile, as they may
    /// send into the room themselves. If something did, the graph forks, which is legal.
    func sendDrafted(_ intent: EventIntent, to room: RoomHandle, _ check: EventCheck?) async throws -> EventID {
        if let transaction = intent.transaction, let sent = try await event(in: room, sentBy: transaction) {
            return sent
        }
        let position = try await writers.withCommitLease(on: room) { try await states.position(under: $0) }
        let line = EventLine(position)
        let send = PendingSend(intent)
        var state = try await authState(of: intent, at: line)
        var event = try await compose(intent, at: line, state: state)
        let map = stateMap(of: room, at: position.state)
        if case .replace(let object) = try await modules.checkEventAllowed(event, state: map) {
            send.intent = try EventReplacement(object, of: event, on: composer.serverName).applied(to: intent)
            state = try await authState(of: send.intent, at: line)
            event = try await compose(send.intent, at: line, state: state)
        }
        try send.intent.checkContent(on: composer.serverName)
        try await check?(send.intent)
        if event.type != .member { try await modules.checkEventForSpam(event) }
        if let same = try await unchanged(send.intent, in: room, line) { return same }
        var redacts = try await permit(event, as: send.intent, state: state)
        while true {
            var seen = line
            seen.append(event, for: send, redacts: redacts)
            do {
                return try await writers.withCommitLease(on: room) { [events = seen.events, event] lease in
                    let now = try await states.position(under: lease)
                    if now.state != position.state { try await authorize(event, in: room, at: now.state) }
                    try await commit(events, onto: now, lease)
                    return event.eventID
                }
            } catch let error as SQLError where error.kind == .uniqueViolation {
                guard try await settleCollision(seen, in: room, error) else { throw error }
                if let result = send.result { return try result.get() }
                event = try await compose(send.intent, at: line, state: state)
                redacts = try await permit(event, as: send.intent, state: state)
            }
        }
    }

    private func authorize(_ event: Event, in room: RoomHandle, at state: StateRoot) async throws {
        let keys = event.authorizationStateKeys + [.create]
        let events = try await states.events(keys, in: state, of: room)
        try MatrixCore.authorize(event, state: { events[$0] })
    }

    /// The state of a room as modules see it, read when they look.
    func stateMap(of room: RoomHandle, at state: StateRoot) -> StateMap {
        let version = StateVersion(
            room: room.number, root: state.node, redactions: states.redactions.latest(in: room.number))
        return StateMap(
            load: { [states] key in try await states.events([key], in: state, of: room)[key] },
            loadAll: { [states] in try await states.allEvents(in: state) },
            version: version,
            changes: { [states] other in
                do {
                    var changes = try await states.changes(from: StateRoot(node: other.root), to: state)
                    let redacted = states.redactions.keys(
                        in: room.number, between: other.redactions, and: version.redactions)
                    guard let redacted else { return nil }
                    if !redacted.isEmpty {
                        let now = try await states.events(redacted, in: state, of: room)
                        for (key, event) in now { changes.updateValue(event, forKey: key) }
                    }
                    return changes
                } catch is StorageError {
                    // A state that nothing but a module's copy was left of may have been collected.
                    return nil
                }
            })
    }
}

extension EventReplacement {
    /// What is to be sent in the place of `intent`.
    /// - Throws: `MatrixError` 500 if its content is not what its type promises.
    func applied(to intent: EventIntent) throws(MatrixError) -> EventIntent {
        var intent = intent
        intent.redacts = redacts
        intent.content = content
        intent.sender = sender
        if let fault = intent.contentFault { throw Self.invalid(fault) }
        return intent
    }
}
