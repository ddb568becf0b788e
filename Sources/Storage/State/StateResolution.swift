import MatrixCore
import SQLEngine

/// Resolving the states of a forked room into one.
extension RoomStores {
    /// The one state that `roots` resolve to under the room version's rules.
    ///
    /// Costs about what the states differ in, not what they hold.
    package func resolve(_ roots: [StateRoot], in room: RoomHandle) throws -> StateRoot {
        let distinct = Set(roots).sorted { $0.node < $1.node }
        guard let base = distinct.first else { return .empty }
        guard distinct.count > 1 else { return base }
        let conflicts = try conflicts(among: distinct)
        let events = EventIndex(transaction)
        try events.load(conflicts.values.joined().compactMap(\.self))
        var conflicted: [StateKey: Set<EventID>] = [:]
        for (key, held) in conflicts {
            conflicted[try self.key(key)] = Set(try held.compactMap { try $0.map(events.id) })
        }
        // Room version 1 makes no use of it.
        let difference =
            room.version.stateResolution == .v1
            ? []
            : try authDifference(
                of: distinct.indices.map { index in conflicts.values.compactMap { $0[index] } },
                beside: shared(in: base, except: conflicts, events))
        try events.load(difference)
        let resolved = try resolveState(
            conflicted: conflicted,
            unconflicted: { key in
                guard conflicted[key] == nil else { return nil }
                return try stateEvent(key, in: base).map(events.id)
            },
            authDifference: Set(try difference.map(events.id)), version: room.version,
            conflictedSubgraph: { ids in
                let subgraph = try authSubgraph(of: ids.compactMap(events.number))
                try events.load(subgraph)
                return Set(try subgraph.map(events.id))
            },
            isRejected: events.isRejected, event: { try events.number(of: $0).flatMap(parsedEvent) })
        var changes: [StateKeyNumber: EventNumber?] = [:]
        for key in conflicts.keys { changes.updateValue(nil, forKey: key) }
        for (key, event) in resolved { changes[try intern(key)] = try events.number(of: event) }
        return try states.root(base, changing: changes)
    }

    /// The keys under which not all roots hold the same, with what each holds.
    private func conflicts(among roots: [StateRoot]) throws -> [StateKeyNumber: [EventNumber?]] {
        var conflicts: [StateKeyNumber: [EventNumber?]] = [:]
        for root in roots.dropFirst() {
            for difference in try states.differences(from: roots[0], to: root) { conflicts[difference.key] = [] }
        }
        for key in conflicts.keys { conflicts[key] = try roots.map { try states.event(under: key, in: $0) } }
        return conflicts
    }

    /// What all states hold that agree with `base` but for `conflicts`.
    private func shared(
        in base: StateRoot, except conflicts: [StateKeyNumber: [EventNumber?]], _ events: EventIndex
    ) throws -> SharedEvents {
        func held(_ keys: Set<StateKeyNumber>) throws -> [EventNumber] {
            try keys.compactMap { conflicts[$0] == nil ? try states.event(under: $0, in: base) : nil }
        }
        // Nearly everything rests on these.
        let anchors = try [StateKey.powerLevels, .joinRules, .create].compactMap { try number(of: $0) }
        return SharedEvents(
            anchors: try held(Set(anchors)),
            amongOrAfter: { numbers in
                try events.load(numbers)
                return try held(Set(numbers.compactMap(events.stateKey)))
            },
            all: { try states.entries(of: base).filter { conflicts[$0.key] == nil }.map(\.event) })
    }
}

/// The IDs, keys and rejections of the events that one resolution deals with, each read once.
private final class EventIndex {
    private let transaction: Transaction
    private var known: [EventNumber: (id: EventID, stateKey: StateKeyNumber?, isRejected: Bool)] = [:]
    private var numbers: [EventID: EventNumber?] = [:]

    init(_ transaction: Transaction) { self.transaction = transaction }

    func load(_ events: some Sequence<EventNumber>) throws {
        let missing = events.filter { known[$0] == nil }
        guard !missing.isEmpty else { return }
        try transaction.forEach(
            "SELECT event, event_id, state_key, flags FROM events WHERE event \(transaction.among(1, .integers))",
            .integers(missing), row: insert)
    }

    private func insert(_ row: borrowing Row) -> Bool {
        let id = EventID(trusted: row.text(1))
        known[row.int(0)] = (id, row.optionalInt(2), EventFlags(rawValue: row.int(3)).contains(.rejected))
        numbers[id] = row.int(0)
        return true
    }

    func id(of event: EventNumber) throws -> EventID {
        if known[event] == nil { try load([event]) }
        guard let id = known[event]?.id else { throw StorageError.damaged("event \(event) is missing") }
        return id
    }

    func number(of id: EventID) throws -> EventNumber? {
        if let number = numbers[id] { return number }
        numbers[id] = .some(nil)
        try transaction.forEach(
            "SELECT event, event_id, state_key, flags FROM events WHERE event_id = $1", .text(id.string), row: insert)
        return numbers[id] ?? nil
    }

    func isRejected(_ id: EventID) throws -> Bool { try number(of: id).flatMap { known[$0]?.isRejected } ?? false }

    /// The number of the state key of an event that was loaded.
    func stateKey(of event: EventNumber) -> StateKeyNumber? { known[event]?.stateKey }
}
