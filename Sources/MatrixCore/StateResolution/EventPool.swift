/// The events one resolution looks at, each fetched once.
final class EventPool {
    let version: RoomVersion
    private let fetch: (EventID) throws -> Event?
    private let isRejected: (EventID) throws -> Bool
    private var fetched: [EventID: Event?] = [:]
    private var rejected: [EventID: Bool] = [:]

    init(
        version: RoomVersion, event: @escaping (EventID) throws -> Event?,
        isRejected: @escaping (EventID) throws -> Bool
    ) {
        self.version = version
        self.isRejected = isRejected
        fetch = event
    }

    subscript(id: EventID) -> Event? {
        get throws {
            if let known = fetched[id] { return known }
            // A fetch may be a query; the caller may have gone since the last one.
            if Task.isCancelled { throw CancellationError() }
            let event = try fetch(id)
            fetched[id] = .some(event)
            return event
        }
    }

    /// The event, if it may authorize others.
    func accepted(_ id: EventID) throws -> Event? {
        guard let event = try self[id] else { return nil }
        if let known = rejected[id] { return known ? nil : event }
        let answer = try isRejected(id)
        rejected[id] = answer
        return answer ? nil : event
    }

    /// The event with this key among the `auth_events` of `event`; the create event also where the room ID names it.
    func authEvent(of event: Event, for key: StateKey) throws -> Event? {
        if key == .create, version.eventFormat.roomIDIsCreateHash {
            return try event.roomID.createEventID.flatMap { try self[$0] }
        }
        for id in event.authEvents {
            if let authEvent = try self[id], authEvent.type == key.type, authEvent.state == key { return authEvent }
        }
        return nil
    }

    /// The event with this key among the `auth_events` of `event`, unless it was rejected.
    func acceptedAuthEvent(of event: Event, for key: StateKey) throws -> Event? {
        try authEvent(of: event, for: key).flatMap { try accepted($0.eventID) }
    }

    /// The level of an event's sender by the event's own `auth_events`.
    func senderLevel(of event: Event) throws -> Int64 {
        PowerLevels(
            content: try authEvent(of: event, for: .powerLevels)?.content,
            create: try authEvent(of: event, for: .create), version: version
        ).level(of: event.sender)
    }

    /// The events on any path of `auth_events` from one event of `conflicted` to another, ends included.
    ///
    /// Spec: [v12](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution), *conflicted state subgraph*.
    func conflictedSubgraph(of conflicted: Set<EventID>) throws -> Set<EventID> {
        // Down from the conflicted events to all that they rest on, noting who cites whom …
        var citing: [EventID: [EventID]] = [:]
        var reached = conflicted
        var pending = Array(conflicted)
        while let id = pending.popLast() {
            guard let event = try self[id] else { continue }
            for authEventID in event.authEvents {
                citing[authEventID, default: []].append(id)
                if reached.insert(authEventID).inserted { pending.append(authEventID) }
            }
        }
        // … and from each of them back up.
        var subgraph = conflicted
        pending = Array(conflicted)
        while let id = pending.popLast() {
            for above in citing[id] ?? [] where subgraph.insert(above).inserted { pending.append(above) }
        }
        return subgraph
    }
}

/// The state of the room as far as it is resolved.
struct ResolvingState {
    /// What has been resolved so far.
    private(set) var resolved: [StateKey: EventID] = [:]
    private let base: Memo

    init(unconflicted: @escaping (StateKey) throws -> EventID?) { base = Memo(lookUp: unconflicted) }

    /// What all states have for a key.
    func unconflicted(_ key: StateKey) throws -> EventID? { try base[key] }

    subscript(key: StateKey) -> EventID? {
        get { resolved[key] }
        set { resolved[key] = newValue }
    }

    /// What has been resolved, without what all states agree on anyway.
    func resolvedBesideUnconflicted() throws -> [StateKey: EventID] {
        try resolved.filter { try unconflicted($0.key) == nil }
    }

    private final class Memo {
        private let lookUp: (StateKey) throws -> EventID?
        private var known: [StateKey: EventID?] = [:]
        init(lookUp: @escaping (StateKey) throws -> EventID?) { self.lookUp = lookUp }

        subscript(key: StateKey) -> EventID? {
            get throws {
                if let known = known[key] { return known }
                let id = try lookUp(key)
                known[key] = .some(id)
                return id
            }
        }
    }
}
