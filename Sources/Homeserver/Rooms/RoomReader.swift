package import MatrixCore
package import SQLEngine
import Storage

/// Reads rooms for their members, for those who left them, and for anyone where a room lets them.
///
/// Each question is answered out of one snapshot of the database, as the bytes that go to the client. What somebody who
/// left may read ends when they left.
package final class RoomReader: Sendable {
    private let database: any Database
    private let states: RoomStates
    private let stream: EventStream
    private let time: TimeSource
    private let moduleFields: ModuleFields

    package init(
        database: any Database, states: RoomStates, stream: EventStream, time: TimeSource, modules: ModuleRegistry
    ) {
        moduleFields = ModuleFields(modules: modules, database: database, caches: states.caches)
        self.database = database
        self.states = states
        self.stream = stream
        self.time = time
    }

    /// Runs `body` on a room as the requester finds it; on `nil` if this server does not know the room.
    func read<Value: Sendable>(
        _ room: RoomID, by requester: Requester, _ body: @Sendable (RoomReading?) throws -> Value
    ) async throws -> Value {
        guard let handle = try await states.room(room) else { return try body(nil) }
        let places = try await stream.rooms(of: requester.user)
        // Taken before the snapshot, so that every event up to here is in it.
        let end = stream.position
        let (viewer, now, marks) = (EventViewer(requester), time.now(), moduleFields.isWanted)
        return try await database.read { [caches = states.caches] transaction in
            try body(
                RoomReading(
                    room: handle, viewer: viewer, place: places.place(in: handle.number),
                    stores: RoomStores(transaction, caches: caches, .reading), end: end, now: now,
                    marksModuleFields: marks))
        }
    }

    /// Runs `body` on a room that the requester may read.
    /// - Throws: 403 if they may not, or if there is no such room.
    func readAllowed<Value: Sendable>(
        _ room: RoomID, by requester: Requester, _ body: @Sendable (RoomReading, RoomAccess) throws -> Value
    ) async throws -> Value {
        try await read(room, by: requester) { reading in
            guard let reading, let access = try reading.access() else {
                throw RoomReading.notAllowed(requester.user, in: room)
            }
            return try body(reading, access)
        }
    }

    /// Writes an answer with events as ``read(_:by:_:)`` does, and adds what modules add to them.
    func write(
        _ room: RoomID, by requester: Requester, _ body: @Sendable (RoomReading?) throws -> [UInt8]
    ) async throws -> [UInt8] {
        let answer = try await read(room, by: requester, body)
        return moduleFields.isWanted ? try await moduleFields.fill(answer) : answer
    }

    /// Writes an answer with events as ``readAllowed(_:by:_:)`` does, and adds what modules add to them.
    func writeAllowed(
        _ room: RoomID, by requester: Requester, _ body: @Sendable (RoomReading, RoomAccess) throws -> [UInt8]
    ) async throws -> [UInt8] {
        let answer = try await readAllowed(room, by: requester, body)
        return moduleFields.isWanted ? try await moduleFields.fill(answer) : answer
    }
}

// MARK: - State

extension RoomReader {
    /// What to give of a piece of state.
    package enum StateFormat: String, Sendable, CaseIterable {
        case content, event
    }

    /// The whole state, as a JSON array of events.
    package func state(of room: RoomID, by requester: Requester) async throws -> [UInt8] {
        try await writeAllowed(room, by: requester) { reading, access in
            let numbers = try reading.stores.states.entries(of: access.state).map(\.event)
            return try reading.list(reading.stores.events(numbers))
        }
    }

    /// One piece of state.
    /// - Throws: 404 `M_NOT_FOUND` if the state holds nothing under `key`.
    package func state(
        _ key: StateKey, of room: RoomID, as format: StateFormat, by requester: Requester
    ) async throws -> [UInt8] {
        try await writeAllowed(room, by: requester) { reading, access in
            // No event of ours has a NUL there, and PostgreSQL would refuse the question.
            guard !key.type.string.utf8.contains(0), !key.key.utf8.contains(0),
                let number = try reading.stores.stateEvent(key, in: access.state),
                let event = try reading.stores.event(number)
            else { throw MatrixError.eventNotFound }
            switch format {
            case .content: return Array(event.clientFields[event.contentRange])
            case .event: return try reading.event(event, membership: nil)
            }
        }
    }
}

// MARK: - One event

extension RoomReader {
    /// An event of the room.
    /// - Throws: 404 `M_NOT_FOUND` if there is none with this ID that the requester may see.
    package func event(_ id: EventID, in room: RoomID, by requester: Requester) async throws -> [UInt8] {
        try await write(room, by: requester) { reading in
            guard let reading, let event = try reading.stores.event(id), event.room == reading.room
            else { throw MatrixError.eventNotFound }
            var visibility = try reading.visibility()
            guard try visibility.admits(event) else { throw MatrixError.eventNotFound }
            return try reading.event(event, membership: visibility.membership(at: event) ?? .leave)
        }
    }

    /// The event closest to a moment, and when it was sent.
    ///
    /// Spec: [Jump to date](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event).
    /// - Throws: 404 `M_NOT_FOUND` if there is none in this direction that the requester may see.
    package func event(
        of room: RoomID, closestTo moment: Timestamp, _ direction: TimelineDirection, by requester: Requester
    ) async throws -> (event: EventID, sentAt: Timestamp) {
        try await readAllowed(room, by: requester) { reading, access in
            guard access.kind != .departed else {
                throw RoomReading.notAllowed(requester.user, in: room)
            }
            var visibility = try reading.visibility()
            var time = moment
            for _ in 0..<Self.maximumHidden {
                let number = try reading.stores.event(of: reading.room, closestTo: time, direction.inStorage)
                guard let event = try number.flatMap({ try reading.stores.event($0) }) else { break }
                if try visibility.admits(event) { return (event.eventID, event.originServerTS) }
                // Others of the same millisecond are left out with it.
                let sentAt = event.originServerTS.milliseconds
                time = Timestamp(milliseconds: direction == .forwards ? sentAt + 1 : sentAt - 1)
            }
            let side = direction == .forwards ? "after" : "before"
            throw MatrixError.notFound("There is no event \(side) \(moment.milliseconds)")
        }
    }

    /// How many events that are not for the reader to pass over when looking for one by its time.
    private static let maximumHidden = 500
}

extension MatrixError {
    static let eventNotFound = MatrixError.notFound("Event not found.")
}
