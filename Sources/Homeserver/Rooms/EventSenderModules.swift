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
        let position = try await draftPosition(of: room)
        let claim = claims.claim(position)
        defer { claims.release(claim, in: room) }
        let line = EventLine(claim.position)
        let send = PendingSend(intent)
        var state = try await authState(of: intent, at: line)
        // Modules are not shown what people say in rooms they are not in.
        if intent.type != .member, state[.member(intent.sender)]?.membership != .join {
            throw MatrixError.forbidden("User \(intent.sender) not in room \(room.id)")
        }
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
        let redacts = try await permit(event, as: send.intent, state: state)
        send.draft = PendingSend.Draft(event: event, redacts: redacts, state: position.state)
        return try await deliver(send, to: room)
    }

    /// Drafts and judges an event that is to be delivered later, once what it tells of is done; `check_event_for_spam` is not asked.
    func prepare(_ intent: EventIntent, in room: RoomHandle) async throws -> PendingSend {
        try intent.checkForm()
        let send = PendingSend(intent)
        let position = try await draftPosition(of: room)
        let line = EventLine(position)
        var state = try await authState(of: intent, at: line)
        var event = try await compose(intent, at: line, state: state)
        if modules.has(.checkEventAllowed) {
            let map = stateMap(of: room, at: position.state)
            if case .replace(let object) = try await modules.checkEventAllowed(event, state: map) {
                send.intent = try EventReplacement(object, of: event, on: composer.serverName).applied(to: intent)
                state = try await authState(of: send.intent, at: line)
                event = try await compose(send.intent, at: line, state: state)
            }
        }
        try send.intent.checkContent(on: composer.serverName)
        let redacts = try await permit(event, as: send.intent, state: state)
        send.draft = PendingSend.Draft(event: event, redacts: redacts, state: position.state)
        return send
    }

    /// Where the room stands, for a draft: without waiting for whoever writes to it, if that is known.
    func draftPosition(of room: RoomHandle) async throws -> RoomPosition {
        if let position = states.knownPosition(of: room) { return position }
        return try await writers.withCommitLease(on: room) { try await states.position(under: $0) }
    }

    /// Puts an event that modules have seen at the end of a line, if it is still allowed there.
    func append(_ draft: PendingSend.Draft, of send: PendingSend, to line: inout EventLine) async throws {
        if line.position.state != draft.state || line.hasChanges {
            let state = try await line.state(of: draft.event.authorizationStateKeys + [.create], from: states)
            try MatrixCore.authorize(draft.event, state: { state[$0] })
        }
        line.append(draft.event, for: send, redacts: draft.redacts)
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
