extension EventPool {
    /// Sorts events by how recent the power levels are that they rest on: the *mainline ordering based on*
    /// `powerLevels`.
    ///
    /// Without `powerLevels`, all rest equally on nothing, and time decides.
    ///
    /// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#definitions).
    func mainlineOrdering(of events: [Event], basedOn powerLevels: Event?) throws -> [Event] {
        guard !events.isEmpty else { return [] }
        var positions = try mainline(of: powerLevels)
        var sortable: [(event: Event, position: Int)] = []
        sortable.reserveCapacity(events.count)
        for event in events {
            sortable.append((event, try mainlinePosition(of: event, positions: &positions)))
        }
        sortable.sort { left, right in
            if left.position != right.position { return left.position > right.position }
            if left.event.originServerTS != right.event.originServerTS {
                return left.event.originServerTS < right.event.originServerTS
            }
            return left.event.eventID < right.event.eventID
        }
        return sortable.map(\.event)
    }

    /// The position of an event that rests on nothing in the mainline.
    private static let beyondMainline = Int.max

    /// `powerLevels`, the power levels it rests on, those below them, and so on, with their positions from 0.
    private func mainline(of powerLevels: Event?) throws -> [EventID: Int] {
        var positions: [EventID: Int] = [:]
        var current = powerLevels
        while let event = current, positions[event.eventID] == nil {
            positions[event.eventID] = positions.count
            current = try authEvent(of: event, for: .powerLevels)
        }
        return positions
    }

    /// Where in the mainline the first power levels are that `event` rests on.
    /// - Parameter positions: The positions of the mainline's events. Those of other power levels that are passed on
    ///   the way are added, so that no path is followed twice.
    private func mainlinePosition(of event: Event, positions: inout [EventID: Int]) throws -> Int {
        var passed: [EventID] = []
        var position = Self.beyondMainline
        var current = try authEvent(of: event, for: .powerLevels)
        while let powerLevels = current {
            if let known = positions[powerLevels.eventID] {
                position = known
                break
            }
            // Until its position is known; should the path come back here, it leads nowhere.
            positions[powerLevels.eventID] = Self.beyondMainline
            passed.append(powerLevels.eventID)
            current = try authEvent(of: powerLevels, for: .powerLevels)
        }
        for id in passed { positions[id] = position }
        return position
    }
}
