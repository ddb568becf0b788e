import MatrixCore
import SQLEngine

/// Resolving the states of a forked room into one.
extension RoomStores {
    /// The one state that `roots` resolve to under the room version's rules.
    func resolve(_ roots: [StateRoot], in room: RoomHandle) throws -> StateRoot {
        let distinct = Array(Set(roots))
        guard let first = distinct.first else { return .empty }
        guard distinct.count > 1 else { return first }
        let conflicts = try conflicts(among: distinct)
        var conflicted: [StateKey: Set<EventID>] = [:]
        for (key, events) in conflicts {
            conflicted[try self.key(key)] = Set(try events.compactMap { try $0.flatMap { try id(of: $0) } })
        }
        let sets = try distinct.map { try states.entries(of: $0).map(\.event) }
        let resolved = try resolveState(
            conflicted: conflicted,
            unconflicted: { key in
                guard conflicted[key] == nil, let number = try self.number(of: key) else { return nil }
                return try states.event(under: number, in: first).flatMap { try id(of: $0) }
            },
            authDifference: Set(try authDifference(of: sets).compactMap { try id(of: $0) }), version: room.version,
            event: { id in try self.number(of: id).flatMap { try parsedEvent($0) } })
        var changes: [StateKeyNumber: EventNumber?] = [:]
        for key in conflicts.keys { changes.updateValue(nil, forKey: key) }
        for (key, event) in resolved { changes[try intern(key)] = try number(of: event) }
        return try states.root(first, changing: changes)
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

    private func id(of event: EventNumber) throws -> EventID? {
        if let event = caches.events[event] { return event.eventID }
        return try transaction.first("SELECT event_id FROM events WHERE event = $1", .integer(event)) {
            EventID(trusted: $0.text(0))
        }
    }
}
