/// Decides what holds where the states of a room's branches differ.
///
/// The caller need not load a whole room: what all states agree on is looked up only as the rules need it.
///
/// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#state-resolution),
/// [v2](https://spec.matrix.org/v1.19/rooms/v2/#state-resolution),
/// [v12](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution).
/// - Parameters:
///   - conflicted: The *conflicted state set*: every event that any state has for a key on which the states differ.
///     From room version 2 on, states differ on a key that only some of them have.
///   - unconflicted: Looks up what all states have for a key; `nil` for a key of `conflicted`.
///   - authDifference: The events that are in the auth chain of some states and not of others. As in other
///     implementations, a state's own events count as part of its auth chain. Not used in room version 1.
///   - version: The room's version.
///   - conflictedSubgraph: Finds the *conflicted state subgraph* of a conflicted state set, which room version 12
///     needs, for a caller that has a quicker way than following `auth_events` back to the beginning of the room.
///   - isRejected: Whether an event was rejected. Such an event authorizes no other.
///   - event: Looks up an event; it is asked for no event twice. One that is missing is ignored.
/// - Returns: What holds beside the unconflicted state. A key of `conflicted` may be missing: then the room has no
///   state for it.
/// - Throws: What a look-up throws, and `CancellationError` if the task is cancelled.
public func resolveState(
    conflicted: [StateKey: Set<EventID>],
    unconflicted: (StateKey) throws -> EventID?,
    authDifference: Set<EventID>,
    version: RoomVersion,
    conflictedSubgraph: ((Set<EventID>) throws -> Set<EventID>)? = nil,
    isRejected: (EventID) throws -> Bool = { _ in false },
    event: (EventID) throws -> Event?
) throws -> [StateKey: EventID] {
    if conflicted.isEmpty, authDifference.isEmpty { return [:] }
    return try withoutActuallyEscaping(unconflicted) { unconflicted in
        try withoutActuallyEscaping(isRejected) { isRejected in
            try withoutActuallyEscaping(event) { event in
                let events = EventPool(version: version, event: event, isRejected: isRejected)
                let state = ResolvingState(unconflicted: unconflicted)
                switch version.stateResolution {
                case .v1:
                    return try StateResolutionV1(events: events, state: state).resolve(conflicted)
                case .v2, .v2_1:
                    var conflictedSet: Set<EventID> = []
                    for ids in conflicted.values { conflictedSet.formUnion(ids) }
                    var fullConflictedSet = conflictedSet.union(authDifference)
                    if version.stateResolution == .v2_1 {
                        let subgraph = try conflictedSubgraph.map { try $0(conflictedSet) }
                        fullConflictedSet.formUnion(try subgraph ?? events.conflictedSubgraph(of: conflictedSet))
                    }
                    return try StateResolutionV2(events: events, state: state, version: version)
                        .resolve(fullConflictedSet)
                }
            }
        }
    }
}

/// Decides what holds where the states of a room's branches differ, given the states as a whole.
/// - Parameters:
///   - sets: The states.
///   - event: Looks up an event.
///   - isRejected: Whether an event was rejected.
///   - authChain: All events that are reached from the given ones by way of `auth_events`. Whether the given ones are
///     among the result does not matter. Not used in room version 1.
/// - Returns: The resolved state, as a whole.
public func resolveState(
    _ sets: [[StateKey: EventID]], version: RoomVersion,
    event: (EventID) throws -> Event?,
    isRejected: (EventID) throws -> Bool = { _ in false },
    authChain: (Set<EventID>) throws -> Set<EventID>
) throws -> [StateKey: EventID] {
    guard sets.count > 1 else { return sets.first ?? [:] }
    let (agreed, conflicted) = split(sets, version: version)
    guard !conflicted.isEmpty else { return agreed }
    let difference =
        version.stateResolution == .v1
        ? [] : try authDifference(sets, agreed: agreed, conflicted: conflicted, authChain: authChain)
    let resolved = try resolveState(
        conflicted: conflicted, unconflicted: { agreed[$0] }, authDifference: difference, version: version,
        isRejected: isRejected, event: event)
    return agreed.merging(resolved) { agreed, _ in agreed }
}

/// What the states agree on, and what they have where they do not.
private func split(
    _ sets: [[StateKey: EventID]], version: RoomVersion
) -> (agreed: [StateKey: EventID], conflicted: [StateKey: Set<EventID>]) {
    // In version 1 a state that lacks a key agrees with any other.
    let absenceConflicts = version.stateResolution != .v1
    var agreed = sets[0]
    var conflicted: [StateKey: Set<EventID>] = [:]
    for set in sets.dropFirst() {
        var shared = 0
        for (key, id) in set {
            if let other = agreed[key] {
                shared += 1
                if other != id { conflicted[key, default: [other]].insert(id) }
            } else if absenceConflicts {
                conflicted[key, default: []].insert(id)
            } else {
                agreed[key] = id
            }
        }
        guard absenceConflicts, shared < agreed.count else { continue }
        for (key, id) in agreed where set[key] == nil { conflicted[key, default: []].insert(id) }
    }
    for key in conflicted.keys { agreed[key] = nil }
    return (agreed, conflicted)
}

/// The events in the auth chain of some states and not of others.
private func authDifference(
    _ sets: [[StateKey: EventID]], agreed: [StateKey: EventID], conflicted: [StateKey: Set<EventID>],
    authChain: (Set<EventID>) throws -> Set<EventID>
) throws -> Set<EventID> {
    // What all states agree on has one auth chain, which is part of all of theirs: only that of the rest can differ.
    var occurrences: [EventID: Int] = [:]
    for set in sets {
        let own = Set(conflicted.keys.compactMap { set[$0] })
        for id in try authChain(own).union(own) { occurrences[id, default: 0] += 1 }
    }
    var difference: Set<EventID> = []
    for (id, count) in occurrences where count < sets.count { difference.insert(id) }
    guard !difference.isEmpty else { return difference }
    let common = Set(agreed.values)
    difference.subtract(common)
    return try difference.isEmpty ? difference : difference.subtracting(authChain(common))
}
