import MatrixCore
import Storage

/// How much of a room somebody may read.
struct RoomAccess {
    enum Kind {
        /// Joined now.
        case member
        /// Was joined once.
        case departed
        /// Never was joined; the room is open to readers.
        case passerBy
    }

    let kind: Kind
    /// The state they see: the current one, or that when they left.
    let state: StateRoot
    /// Where reading backwards begins, unless they say.
    let latest: StreamPosition
    /// There is nothing for them above.
    let end: StreamPosition
}

/// A room as one requester finds it in one snapshot.
struct RoomReading {
    let room: RoomHandle
    let viewer: EventViewer
    let stores: RoomStores
    /// The event stream's position; what is above it counts as not sent yet.
    let end: StreamPosition
    private let place: UserRooms.Place?
    private let now: Timestamp
    private let marksModuleFields: Bool

    init(
        room: RoomHandle, viewer: EventViewer, place: UserRooms.Place?, stores: RoomStores, end: StreamPosition,
        now: Timestamp, marksModuleFields: Bool
    ) {
        self.marksModuleFields = marksModuleFields
        self.room = room
        self.viewer = viewer
        // A room that was forgotten is like one never entered.
        self.place = place?.isForgotten == true ? nil : place
        self.stores = stores
        self.end = end
        self.now = now
    }

    static func notAllowed(_ user: UserID, in room: RoomID) -> MatrixError {
        .forbidden("User \(user) not in room \(room), and room previews are disabled")
    }

    func visibility() throws -> Visibility {
        try Visibility(of: viewer.user, in: room, place: place, stores: stores)
    }

    // MARK: Access

    /// What the requester may read; `nil` for nothing.
    func access() throws -> RoomAccess? {
        let current = try stores.currentState(of: room)
        if place?.membership == .join { return RoomAccess(kind: .member, state: current, latest: end, end: end) }
        let isOpen = try isWorldReadable(current)
        if let departure = try departure() {
            let left = departure.stream ?? end
            return RoomAccess(
                kind: .departed, state: departure.record.roomState ?? .empty, latest: min(left, end),
                end: isOpen ? end : min(left, end))
        }
        return isOpen ? RoomAccess(kind: .passerBy, state: current, latest: end, end: end) : nil
    }

    private func isWorldReadable(_ state: StateRoot) throws -> Bool {
        guard let number = try stores.stateEvent(.historyVisibility, in: state), let event = try stores.event(number)
        else { return false }
        return HistoryVisibility(event.content()) == .worldReadable
    }

    /// The event by which the user ceased to be a member; `nil` if they never were, or may come in again.
    private func departure() throws -> StoredEvent? {
        guard let place, place.membership == .leave || place.membership == .ban else { return nil }
        return try stores.departure(by: place.event)
    }

    // MARK: Writing

    func writer(for events: some Sequence<StoredEvent>) throws -> ClientEventWriter {
        var writer = ClientEventWriter(
            viewer: viewer, now: now, room: .included, marksModuleFields: marksModuleFields)
        try writer.prepare(events, from: stores)
        return writer
    }

    func event(_ event: StoredEvent, membership: Membership?) throws -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(event.clientFields.count + 200)
        try writer(for: CollectionOfOne(event)).append(event, membership: membership, to: &output)
        return output
    }

    /// State events as a JSON array.
    func list(_ events: [StoredEvent]) throws -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(events.reduce(2) { $0 + $1.clientFields.count + 150 })
        try append(events, to: &output)
        return output
    }

    /// Appends state events as a JSON array.
    func append(_ events: [StoredEvent], to output: inout [UInt8]) throws {
        let writer = try writer(for: events)
        var separator = ListSeparator()
        output.append(UInt8(ascii: "["))
        for event in events {
            separator.append(to: &output)
            writer.append(event, membership: nil, to: &output)
        }
        output.append(UInt8(ascii: "]"))
    }

    /// Appends events of the timeline as a JSON array, each with the viewer's membership at it: who had none is told so
    /// as if they had left.
    func append(
        _ events: [StoredEvent], _ visibility: inout Visibility, to output: inout [UInt8]
    ) throws {
        let writer = try writer(for: events)
        var separator = ListSeparator()
        output.append(UInt8(ascii: "["))
        for event in events {
            separator.append(to: &output)
            writer.append(event, membership: try visibility.membership(at: event) ?? .leave, to: &output)
        }
        output.append(UInt8(ascii: "]"))
    }
}

extension RoomStores {
    /// How many changes of a membership to look back through for a time when the user was joined.
    private static var maximumChanges: Int { 20 }

    /// The event by which a user ceased to be a member.
    /// - Parameter latest: The leave or ban that holds now.
    /// - Returns: `nil` if they never were one.
    func departure(by latest: EventNumber) throws -> StoredEvent? {
        // A ban after leaving, or an invite that was declined, comes later and ends nothing.
        var event = try event(latest)
        for _ in 0..<Self.maximumChanges {
            guard let later = event, let replaced = later.record.replaces else { return nil }
            let earlier = try self.event(replaced)
            if earlier?.membership == .join { return later }
            event = earlier
        }
        return nil
    }
}
