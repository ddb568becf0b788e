public import MatrixCore
public import ModuleAPI
import Synchronization

/// Rooms in memory. They come into being when something is put into them.
public final class TestRooms: ModuleRooms {
    private struct Room {
        var version = RoomVersion.v11
        var state: [StateKey: Event] = [:]
    }

    private struct State {
        var rooms: [RoomID: Room] = [:]
        var events: [EventID: Event] = [:]
        var aliases: [RoomAlias: RoomID] = [:]
        var sent: [NewEvent] = []
        var changes: [MembershipChange] = []
        var requests: [JSONObject] = []
        var refusal: (@Sendable (NewEvent) -> MatrixError?)?

        mutating func add(_ event: Event) {
            events[event.eventID] = event
            var room = rooms[event.roomID] ?? Room(version: event.version)
            if let key = event.state { room.state[key] = event }
            rooms[event.roomID] = room
        }
    }

    private let serverName: ServerName
    private let contents = Mutex(State())

    init(serverName: ServerName) { self.serverName = serverName }

    // MARK: For the test

    /// What modules sent, in order.
    public var sent: [NewEvent] { contents.withLock { $0.sent } }
    /// The memberships that modules changed, in order.
    public var membershipChanges: [MembershipChange] { contents.withLock { $0.changes } }
    /// What modules made rooms with, in order.
    public var requests: [JSONObject] { contents.withLock { $0.requests } }

    /// Puts events into their rooms; those with a state key become state.
    public func add(_ events: Event...) {
        contents.withLock { state in for event in events { state.add(event) } }
    }

    /// Lets `alias` stand for `room`.
    public func add(_ alias: RoomAlias, for room: RoomID) { contents.withLock { $0.aliases[alias] = room } }

    /// Refuses what modules send when `refusal` gives an error for it.
    public func refuse(_ refusal: @escaping @Sendable (NewEvent) -> MatrixError?) {
        contents.withLock { $0.refusal = refusal }
    }

    // MARK: ModuleRooms

    public func state(of room: RoomID) async throws -> StateMap {
        StateMap(contents.withLock { $0.rooms[room]?.state ?? [:] })
    }

    public func state(
        of room: RoomID, matching filter: [StateFilterEntry]
    ) async throws -> [StateKey: Event] {
        let state = contents.withLock { $0.rooms[room]?.state ?? [:] }
        guard !filter.isEmpty else { return state }
        return state.filter { key, _ in
            filter.contains { $0.type == key.type && ($0.stateKey.map(key.key.hasSameBytes(as:)) ?? true) }
        }
    }

    public func send(_ event: NewEvent) async throws -> Event {
        guard event.type != .member else {
            throw MatrixError(
                status: 500, code: .unknown, message: "Tried to send member event through non-member codepath")
        }
        if let error = contents.withLock({ $0.refusal })?(event) { throw error }
        return contents.withLock { state in
            state.sent.append(event)
            let old = event.stateKey.flatMap { state.rooms[event.roomID]?.state[StateKey(event.type, $0)] }
            if let old, old.content == event.content { return old }
            let made = Event.test(
                event.type, event.content, stateKey: event.stateKey, by: event.sender, in: event.roomID,
                version: state.rooms[event.roomID]?.version ?? .v11)
            state.add(made)
            return made
        }
    }

    public func changeMembership(_ change: MembershipChange) async throws -> Event {
        guard change.sender.server == serverName else { throw ModuleError.notLocal(change.sender.string) }
        let membership: Membership =
            switch change.action {
            case .join: .join
            case .invite: .invite
            case .leave, .unban: .leave
            case .ban: .ban
            case .knock: .knock
            }
        let event = Event.member(
            change.target, membership, by: change.sender, in: change.room, content: change.content)
        contents.withLock { state in
            state.changes.append(change)
            state.add(event)
        }
        return event
    }

    public func create(
        _ request: JSONObject, by user: UserID, isRateLimited: Bool, joinProfile: JSONObject?
    ) async throws -> CreatedRoom {
        guard user.server == serverName else { throw ModuleError.notLocal(user.string) }
        return contents.withLock { state in
            state.requests.append(request)
            let room = RoomID(trusted: "!created\(state.requests.count):\(serverName.string)")
            let alias = request.string("room_alias_name").flatMap { RoomAlias(localpart: $0, server: serverName) }
            if let alias { state.aliases[alias] = room }
            state.add(.state(.create, [:], by: user, in: room))
            state.add(.member(user, in: room, content: joinProfile ?? [:]))
            for initial in request.array("initial_state") ?? [] {
                guard let initial = initial.objectValue, let type = initial.string("type") else { continue }
                state.add(
                    .state(
                        EventType(type), initial.object("content") ?? [:], key: initial.string("state_key") ?? "",
                        by: user, in: room))
            }
            return CreatedRoom(room: room, alias: alias)
        }
    }

    public func lookUp(_ alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName]) {
        guard let room = contents.withLock({ $0.aliases[alias] }) else {
            throw MatrixError.notFound("Room alias \(alias) not found")
        }
        return (room, [alias.server])
    }

    public func event(_ id: EventID) async throws -> Event? { contents.withLock { $0.events[id] } }

    public func rooms(of user: UserID) async throws -> [RoomID] {
        contents.withLock { state in
            state.rooms.filter { $0.value.state[.member(user)]?.membership == .join }.keys.sorted()
        }
    }

    public func users(in room: RoomID) async throws -> [UserID] {
        contents.withLock { state in
            (state.rooms[room]?.state ?? [:]).filter { $0.key.type == .member && $0.value.membership == .join }.keys
                .compactMap { UserID($0.key) }.sorted()
        }
    }

    public func version(of room: RoomID) async throws -> RoomVersion? {
        contents.withLock { $0.rooms[room]?.version }
    }
}

/// The list of rooms, in memory.
public final class TestPublicRooms: PublicRoomList {
    private let contents = Mutex<Set<RoomID>>([])

    /// The rooms on the list.
    public var rooms: Set<RoomID> { contents.withLock { $0 } }

    public func contains(_ room: RoomID) async throws -> Bool { rooms.contains(room) }
    public func add(_ room: RoomID) async throws { contents.withLock { _ = $0.insert(room) } }
    public func remove(_ room: RoomID) async throws { contents.withLock { _ = $0.remove(room) } }
}

/// Users' account data, in memory.
public final class TestAccountData: ModuleAccountData {
    private struct Key: Hashable {
        var user: UserID
        var room: RoomID?
        var type: String
    }

    private let serverName: ServerName
    private let contents = Mutex<[Key: JSONObject]>([:])

    init(serverName: ServerName) { self.serverName = serverName }

    /// Puts data there as the user's client would.
    public func put(_ content: JSONObject, as type: String, of user: UserID, in room: RoomID? = nil) {
        contents.withLock { $0[Key(user: user, room: room, type: type)] = content }
    }

    public func global(_ type: String, of user: UserID) async throws -> JSONObject? {
        try read(Key(user: user, room: nil, type: type))
    }

    public func data(_ type: String, in room: RoomID, of user: UserID) async throws -> JSONObject? {
        try read(Key(user: user, room: room, type: type))
    }

    public func setGlobal(_ type: String, to content: JSONObject, of user: UserID) async throws {
        guard user.server == serverName else { throw ModuleError.notLocal(user.string) }
        put(content, as: type, of: user)
    }

    private func read(_ key: Key) throws -> JSONObject? {
        guard key.user.server == serverName else { throw ModuleError.notLocal(key.user.string) }
        return contents.withLock { $0[key] }
    }
}
