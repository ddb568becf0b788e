package import MatrixCore
package import Storage

/// Which of a room's events a user may see.
///
/// Spec: Client-Server API, [Room history visibility](https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility).
/// Make one per request and room: it remembers what it found out about a state.
package struct Visibility {
    private let user: UserID
    private let stores: RoomStores
    private let room: RoomHandle
    /// What the user has to do with the room now; `nil` for somebody who never had anything to do with it.
    private let place: UserRooms.Place?
    private let keys: Keys?
    private var known: [StateRoot: Standing] = [:]
    private let hasJoinedSince: Bool

    private struct Keys {
        let visibility: StateKeyNumber?
        let member: StateKeyNumber?
    }

    /// What a state says that matters here.
    private struct Standing {
        var visibility: HistoryVisibility
        var membership: Membership?
    }

    package init(of user: UserID, in room: RoomHandle, place: UserRooms.Place?, stores: RoomStores) throws {
        self.user = user
        self.stores = stores
        self.room = room
        self.place = place
        keys = Keys(
            visibility: try stores.number(of: .historyVisibility), member: try stores.number(of: .member(user)))
        hasJoinedSince = try Self.wasJoinedAtEnd(place, stores)
    }

    /// Whether the user is joined, or was when they left.
    private static func wasJoinedAtEnd(_ place: UserRooms.Place?, _ stores: RoomStores) throws -> Bool {
        guard let place else { return false }
        switch place.membership {
        case .join: return true
        case .leave, .ban:
            let replaced = try stores.event(place.event)?.record.replaces.flatMap { try stores.event($0) }
            return replaced?.membership == .join
        case .invite, .knock: return false
        }
    }

    /// The user's membership when the event was sent, with the event's own effect; `nil` if they had none.
    package mutating func membership(at event: StoredEvent) throws -> Membership? {
        if let place, place.membership == .join, let stream = event.stream, stream >= place.stream { return .join }
        if event.type == .member, event.stateKey?.hasSameBytes(as: user.string) == true { return event.membership }
        return try standing(in: event.record.stateBefore ?? .empty).membership
    }

    /// Whether the user may see the event.
    package mutating func admits(_ event: StoredEvent) throws -> Bool {
        if let place, place.membership == .join, let stream = event.stream, stream >= place.stream { return true }
        guard event.record.stateBefore != nil, event.record.flags.isEmpty else { return false }
        var standing = try standing(in: event.record.stateBefore ?? .empty)
        if event.type == .member, event.stateKey?.hasSameBytes(as: user.string) == true {
            // The user sees what changed their own membership from either side.
            if standing.membership == .join { return true }
            standing.membership = event.membership
            if [.join, .invite, .knock, .leave, .ban].contains(standing.membership) { return true }
        } else if event.state == .historyVisibility {
            standing.visibility = max(standing.visibility, HistoryVisibility(event.content()))
        }
        // After the user left, only what everybody may read.
        if let place, place.membership == .leave || place.membership == .ban, let stream = event.stream,
            stream > place.stream
        {
            return standing.visibility == .worldReadable
        }
        switch standing.visibility {
        case .worldReadable: return true
        case .shared: return standing.membership == .join || hasJoinedSince
        case .invited: return standing.membership == .join || standing.membership == .invite
        case .joined: return standing.membership == .join
        }
    }

    private mutating func standing(in state: StateRoot) throws -> Standing {
        if let known = known[state] { return known }
        let visibility = try event(keys?.visibility, in: state).map { HistoryVisibility($0.content()) }
        let standing = Standing(
            visibility: visibility ?? .shared, membership: try event(keys?.member, in: state)?.membership)
        known[state] = standing
        return standing
    }

    private func event(_ key: StateKeyNumber?, in state: StateRoot) throws -> StoredEvent? {
        guard let key, let number = try stores.states.event(under: key, in: state) else { return nil }
        return try stores.event(number)
    }
}

/// `m.room.history_visibility`, from the most private to the most open.
package enum HistoryVisibility: Int, Comparable, Sendable {
    case joined, invited, shared, worldReadable

    package init(_ content: JSONObject) {
        switch content.string("history_visibility") {
        case "joined": self = .joined
        case "invited": self = .invited
        case "world_readable": self = .worldReadable
        default: self = .shared
        }
    }

    package static func < (left: HistoryVisibility, right: HistoryVisibility) -> Bool { left.rawValue < right.rawValue }
}
