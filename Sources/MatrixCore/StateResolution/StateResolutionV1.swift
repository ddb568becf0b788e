import Crypto

/// State resolution of room version 1.
///
/// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#state-resolution).
struct StateResolutionV1 {
    let events: EventPool
    var state: ResolvingState

    func resolve(_ conflicted: [StateKey: Set<EventID>]) throws -> [StateKey: EventID] {
        var result = self
        var conflicts: [(key: StateKey, events: [Event])] = []
        for (key, ids) in conflicted {
            let candidates = try ids.compactMap { try events[$0] }
            if candidates.count > 1 {
                conflicts.append((key, Self.sorted(candidates)))
            } else if let only = candidates.first {
                // Where one state has an event and others have none, there is no conflict in this version.
                result.state[key] = only.eventID
            }
        }
        // The results of a pass count only after it: one user's membership does not decide about another's.
        let passes: [(StateKey) -> Bool] = [
            { $0 == .powerLevels }, { $0.type == .joinRules }, { $0.type == .member },
        ]
        for isInPass in passes {
            var resolved: [StateKey: EventID] = [:]
            for (key, events) in conflicts where isInPass(key) {
                resolved[key] = try result.lastOfAllowedChain(events).eventID
            }
            for (key, id) in resolved { result.state[key] = id }
            conflicts.removeAll { isInPass($0.key) }
        }
        var resolved: [StateKey: EventID] = [:]
        for (key, events) in conflicts { resolved[key] = try result.highestAllowed(events).eventID }
        for (key, id) in resolved { result.state[key] = id }
        return try result.state.resolvedBesideUnconflicted()
    }

    /// By ascending depth, then descending SHA-1 of the event ID.
    private static func sorted(_ events: [Event]) -> [Event] {
        events.map { (event: $0, hash: Array(Insecure.SHA1.hash(data: Array($0.eventID.string.utf8)))) }
            .sorted { left, right in
                left.event.depth == right.event.depth
                    ? right.hash.lexicographicallyPrecedes(left.hash) : left.event.depth < right.event.depth
            }
            .map(\.event)
    }

    /// The first event, or the last of those after it of which each is allowed on top of the one before.
    private func lastOfAllowedChain(_ events: [Event]) throws -> Event {
        var last = events[0]
        for event in events.dropFirst() {
            guard try isAllowed(event, on: last) else { break }
            last = event
        }
        return last
    }

    /// The last event that is allowed, or if none is, the first. The specification is silent on that; other
    /// implementations do so.
    private func highestAllowed(_ events: [Event]) throws -> Event {
        try events.dropFirst().last { try isAllowed($0, on: nil) } ?? events[0]
    }

    /// Whether the rules allow `event` on the state resolved so far, with `other` on top of that.
    private func isAllowed(_ event: Event, on other: Event?) throws -> Bool {
        do {
            try authorize(event) { key in
                if let other, other.state == key { return other }
                return try (state[key] ?? state.unconflicted(key)).flatMap { try events[$0] }
            }
            return true
        } catch is AuthorizationFailure {
            return false
        }
    }
}
