package import MatrixCore
import Storage

/// Which way a timeline is read, by its letter in queries.
package enum TimelineDirection: String, Sendable, CaseIterable {
    case backwards = "b"
    case forwards = "f"

    var inStorage: RoomStores.Direction { self == .backwards ? .backwards : .forwards }
}

/// A stretch of a room's timeline, or of the events that relate to one, that a client asks for.
package struct TimelineRequest: Sendable {
    package var direction: TimelineDirection
    /// Where to begin: backwards with the event there, forwards with the one after. `nil` for the end one comes from.
    package var from: StreamToken?
    /// Where to stop.
    package var to: StreamToken?
    package var limit: Int
    package var filter: EventFilter

    package init(
        _ direction: TimelineDirection, from: StreamToken? = nil, to: StreamToken? = nil, limit: Int = 10,
        filter: EventFilter = .everything
    ) {
        self.direction = direction
        self.from = from
        self.to = to
        self.limit = limit
        self.filter = filter
    }
}

extension RoomReader {
    /// A page of the timeline, as `{"chunk": […], "start": …, "end": …, "state": […]}`. Without `end` there is no more.
    ///
    /// A page with events always has an `end`, though the specification would leave it out of the last: nheko throws
    /// away a page without one, and with it the beginning of the room. Synapse leaves it out of empty pages alone, too.
    package func messages(
        of room: RoomID, _ request: TimelineRequest, by requester: Requester
    ) async throws -> [UInt8] {
        try await writeAllowed(room, by: requester) { reading, access in
            var visibility = try reading.visibility()
            var scan = TimelineScan(request, access)
            if request.filter.admits(room: reading.room.id) {
                try scan.run(in: reading, &visibility) { scan, limit in
                    try reading.stores.timeline(
                        of: reading.room, after: scan.lower, upTo: scan.upper, limit: limit, request.direction.inStorage
                    )
                }
            }
            var output = Array(#"{"chunk":"#.utf8)
            output.reserveCapacity(scan.found.reduce(200) { $0 + $1.clientFields.count + 200 })
            try reading.append(scan.found, &visibility, to: &output)
            output.append(member: "start", token: request.from ?? scan.start)
            if scan.hasMore || !scan.found.isEmpty {
                output.append(member: "end", token: scan.next(after: request.from))
            }
            if request.filter.lazyLoadsMembers {
                let state = try reading.members(speakingIn: scan.found)
                if !state.isEmpty {
                    output.append(contentsOf: #","state":"#.utf8)
                    try reading.append(state, to: &output)
                }
            }
            output.append(UInt8(ascii: "}"))
            return output
        }
    }

    /// An event with those around it.
    ///
    /// Spec: [Event context](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid).
    /// - Parameter limit: How many events around it, at most; the later half gets the odd one.
    /// - Throws: 404 `M_NOT_FOUND` if the room has no such event; 403 if it is not for the requester.
    package func context(
        of id: EventID, in room: RoomID, limit: Int, filter: EventFilter, by requester: Requester
    ) async throws -> [UInt8] {
        try await write(room, by: requester) { reading in
            guard let reading, let event = try reading.stores.event(id), event.room == reading.room
            else { throw MatrixError.eventNotFound }
            var visibility = try reading.visibility()
            guard let access = try reading.access(), let place = event.stream, try visibility.admits(event) else {
                throw MatrixError.forbidden("You don't have permission to access that event.")
            }
            func around(_ direction: TimelineDirection, _ limit: Int) throws -> TimelineScan {
                var scan = TimelineScan(
                    direction, from: direction == .forwards ? place : place - 1, end: access.end, limit: limit,
                    filter: filter)
                try scan.run(in: reading, &visibility) { scan, limit in
                    try reading.stores.timeline(
                        of: reading.room, after: scan.lower, upTo: scan.upper, limit: limit, direction.inStorage)
                }
                return scan
            }
            let before = try around(.backwards, limit / 2)
            let after = try around(.forwards, limit - limit / 2)
            let shown = before.found + [event] + after.found
            var output = Array(#"{"events_before":"#.utf8)
            output.reserveCapacity(shown.reduce(500) { $0 + $1.clientFields.count + 200 })
            try reading.append(before.found, &visibility, to: &output)
            output.append(contentsOf: #","event":"#.utf8)
            output.append(contentsOf: try reading.event(event, membership: visibility.membership(at: event) ?? .leave))
            output.append(contentsOf: #","events_after":"#.utf8)
            try reading.append(after.found, &visibility, to: &output)
            let speakers = filter.lazyLoadsMembers ? Set(shown.map(\.sender)) : nil
            let state = try reading.state(after: after.found.last ?? event, members: speakers)
            output.append(contentsOf: #","state":"#.utf8)
            try reading.append(state.filter(filter.admits), to: &output)
            output.append(member: "start", token: before.next(after: nil))
            output.append(member: "end", token: after.next(after: nil))
            output.append(UInt8(ascii: "}"))
            return output
        }
    }

    /// Events that relate to one, as `{"chunk": […], "next_batch": …, "prev_batch": …}`.
    ///
    /// Spec: [Relationships API](https://spec.matrix.org/v1.19/client-server-api/#relationships-api).
    /// - Parameters:
    ///   - relation: Their `rel_type`; `nil` for any.
    ///   - type: Their event type; `nil` for any.
    ///   - saysDepth: Whether to say how far relations of relations were followed: not at all, so far.
    /// - Throws: 404 `M_NOT_FOUND` if the room has no such event; 403 if it is not for the requester.
    package func relations(
        to parent: EventID, in room: RoomID, relation: String?, type: EventType?, _ request: TimelineRequest,
        saysDepth: Bool = false, by requester: Requester
    ) async throws -> [UInt8] {
        try await writeAllowed(room, by: requester) { reading, access in
            guard let event = try reading.stores.event(parent), event.room == reading.room else {
                throw MatrixError.notFound("Unknown parent event.")
            }
            var visibility = try reading.visibility()
            guard try visibility.admits(event) else {
                throw MatrixError.forbidden("You don't have permission to access that event.")
            }
            var scan = TimelineScan(request, access)
            try scan.run(in: reading, &visibility) { scan, limit in
                try reading.stores.relations(
                    to: parent, in: reading.room, relationType: relation, eventType: type, after: scan.lower,
                    upTo: scan.upper, limit: limit, request.direction.inStorage)
            }
            var output = Array(#"{"chunk":"#.utf8)
            try reading.append(scan.found, &visibility, to: &output)
            if scan.hasMore { output.append(member: "next_batch", token: scan.next(after: request.from)) }
            if let from = request.from { output.append(member: "prev_batch", token: from) }
            if saysDepth { output.append(contentsOf: #","recursion_depth":1"#.utf8) }
            output.append(UInt8(ascii: "}"))
            return output
        }
    }
}

extension RoomReading {
    /// The member events of those who sent `events`, as of the first of them.
    fileprivate func members(speakingIn events: [StoredEvent]) throws -> [StoredEvent] {
        guard let first = events.first else { return [] }
        var numbers: [EventNumber] = []
        for user in Set(events.map(\.sender)).sorted() {
            guard let key = try stores.userNumber(user) else { continue }
            // Whoever came only with these events is not in the state before them.
            let number =
                try stores.states.event(under: key, in: first.record.stateBefore ?? .empty)
                ?? stores.states.event(under: key, in: first.record.roomState ?? .empty)
            if let number { numbers.append(number) }
        }
        return try stores.events(numbers)
    }

    /// The state after `event`.
    /// - Parameter members: Whose member events to give; `nil` for everyone's.
    fileprivate func state(after event: StoredEvent, members: Set<UserID>?) throws -> [StoredEvent] {
        var numbers: [EventNumber] = []
        for entry in try stores.states.entries(of: event.record.stateBefore ?? .empty)
        where entry.key != event.record.stateKey {
            if let members {
                let key = try stores.key(entry.key)
                if key.type == .member, !members.contains(UserID(trusted: key.key)) { continue }
            }
            numbers.append(entry.event)
        }
        if event.record.stateKey != nil { numbers.append(event.number) }
        return try stores.events(numbers)
    }
}

extension [UInt8] {
    /// Appends a further member of an object that holds a token.
    fileprivate mutating func append(member name: String, token: StreamToken) {
        append(contentsOf: ",\"\(name)\":".utf8)
        appendJSONString(token.string)
    }
}
