/// State resolution of room version 2 and later, in which version 12 changed where it starts from.
///
/// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#state-resolution),
/// [v12](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution). Step numbers follow them.
struct StateResolutionV2 {
    let events: EventPool
    var state: ResolvingState
    /// Whether the iterative auth checks start from the unconflicted state map, not from an empty one.
    private let startsFromUnconflicted: Bool

    init(events: EventPool, state: ResolvingState, version: RoomVersion) {
        self.events = events
        self.state = state
        startsFromUnconflicted = version.stateResolution != .v2_1
    }

    func resolve(_ fullConflictedSet: Set<EventID>) throws -> [StateKey: EventID] {
        var resolution = self
        var conflicted: [EventID: Event] = [:]
        for id in fullConflictedSet {
            // What cannot be had cannot be checked, and what has no state key is no state.
            if let event = try events[id], event.stateKey != nil { conflicted[id] = event }
        }
        // 1: the power events, with the events in their auth chains that are in conflict too.
        let powerEvents = try resolution.powerOrdering(of: conflicted)
        // 2
        try resolution.apply(powerEvents)
        // 3: all others by the mainline of the power levels that came out.
        for event in powerEvents { conflicted[event.eventID] = nil }
        let powerLevels = try resolution.current(.powerLevels).flatMap { try events[$0] }
        let others = try events.mainlineOrdering(of: Array(conflicted.values), basedOn: powerLevels)
        // 4
        try resolution.apply(others)
        // 5: what all states agree on stands.
        return try resolution.state.resolvedBesideUnconflicted()
    }

    /// What the state has for a key at this point.
    private func current(_ key: StateKey) throws -> EventID? {
        try state[key] ?? (startsFromUnconflicted ? state.unconflicted(key) : nil)
    }

    /// The *iterative auth checks*: takes each event into the state that the rules allow on it.
    private mutating func apply(_ sorted: [Event]) throws {
        for event in sorted {
            guard let key = event.state else { continue }
            do {
                try authorize(event) { key in
                    if let id = try current(key), let held = try events.accepted(id) { return held }
                    // What the state lacks, the event's own auth_events have.
                    return try events.acceptedAuthEvent(of: event, for: key)
                }
                state[key] = event.eventID
            } catch is AuthorizationFailure {
                continue
            }
        }
    }

    /// The power events among `conflicted`, and what they rest on there, in *reverse topological power ordering*.
    ///
    /// Their auth chains are followed within `conflicted` only, as other implementations do: what lies between two
    /// events of the set nearly always belongs to it, and following whole auth chains would cost as much as the room is
    /// old.
    private func powerOrdering(of conflicted: [EventID: Event]) throws -> [Event] {
        var members: [PowerOrdering.Member] = []
        var indices: [EventID: Int] = [:]
        func add(_ event: Event) throws {
            guard indices[event.eventID] == nil else { return }
            indices[event.eventID] = members.count
            members.append(PowerOrdering.Member(event: event, senderLevel: try events.senderLevel(of: event)))
        }
        for event in conflicted.values where event.isPowerEvent { try add(event) }
        var next = 0
        while next < members.count {
            for id in members[next].event.authEvents {
                if let authEvent = conflicted[id] { try add(authEvent) }
            }
            next += 1
        }
        return PowerOrdering(members, indices: indices).sorted()
    }
}

extension Event {
    /// Whether the event might take away somebody's ability to do something.
    ///
    /// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#definitions), *power events*. Other implementations add the
    /// create event, on which everything rests anyway.
    var isPowerEvent: Bool {
        switch type {
        case .powerLevels, .joinRules, .create: stateKey?.isEmpty == true
        case .member:
            (membership == .leave || membership == .ban) && stateKey?.hasSameBytes(as: sender.string) == false
        default: false
        }
    }
}
