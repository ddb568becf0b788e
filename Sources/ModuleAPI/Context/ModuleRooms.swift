public import MatrixCore

/// What modules may know of rooms, and do in them.
///
/// Part of ``ModuleContext``.
public protocol ModuleRooms: Sendable {
    /// The state of a room as it is now; empty if this server does not know the room. Synapse's `get_room_state`.
    ///
    /// Nothing is read until asked for, and what is read later still belongs to the moment of the call.
    func state(of room: RoomID) async throws -> StateMap

    /// Some of a room's state: the entries of each pair's type, with that state key or, if it is `nil`, any.
    ///
    /// An empty list of pairs selects everything, as in Synapse.
    func state(of room: RoomID, matching filter: [StateFilterEntry]) async throws -> [StateKey: Event]

    /// Sends an event as a user of this server who is in the room. Synapse's `create_and_send_event_into_room`.
    ///
    /// Spam checkers and third-party rules see it, rate limits do not hold it up, and it is authorized like any event of
    /// that user. A state event that changes nothing is not sent again: the answer is then the one already there.
    /// - Throws: `MatrixError` if the event is refused. Membership events are (500): use ``changeMembership(_:)``.
    func send(_ event: NewEvent) async throws -> Event

    /// Changes somebody's membership. Synapse's `update_room_membership`.
    ///
    /// Profiles are filled in from the target's, as far as the content lacks them.
    /// - Returns: The member event.
    /// - Throws: ``ModuleError/notLocal(_:)`` if the sender is not a user of this server; ``ModuleError/shadowBanned`` for an
    ///   invite by one who is shadow-banned; `MatrixError` if it is refused.
    func changeMembership(_ change: MembershipChange) async throws -> Event

    /// Makes a room as a user of this server would, with all callbacks. Synapse's `create_room`.
    /// - Parameters:
    ///   - request: As the body of `POST /createRoom`.
    ///   - isRateLimited: Whether the user's rate limit counts.
    ///   - joinProfile: What the creator's member event shows instead of their profile.
    func create(
        _ request: JSONObject, by user: UserID, isRateLimited: Bool, joinProfile: JSONObject?
    ) async throws -> CreatedRoom

    /// The room an alias stands for, and servers to join it through. Synapse's `lookup_room_alias`.
    /// - Throws: `MatrixError` 404 if it stands for none.
    func lookUp(_ alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName])

    /// An event of any room, whatever its history visibility; `nil` if this server does not have it.
    func event(_ id: EventID) async throws -> Event?

    /// The rooms a user of this server is joined to.
    func rooms(of user: UserID) async throws -> [RoomID]

    /// The users joined to a room. Large rooms have hundreds of thousands.
    func users(in room: RoomID) async throws -> [UserID]

    /// The version of a room; `nil` if this server does not know the room.
    func version(of room: RoomID) async throws -> RoomVersion?
}

/// Which state events are wanted.
public struct StateFilterEntry: Hashable, Sendable {
    public var type: EventType
    /// `nil` for every state key.
    public var stateKey: String?

    public init(_ type: EventType, _ stateKey: String? = nil) {
        self.type = type
        self.stateKey = stateKey
    }
}

/// A change of a membership that a module wants.
public struct MembershipChange: Hashable, Sendable {
    public enum Action: String, Hashable, Sendable, CaseIterable {
        case join, invite, leave, ban, unban, knock
    }

    public var action: Action
    /// A user of this server, in whose name it is done. Leaving by another than the target is a kick.
    public var sender: UserID
    public var target: UserID
    public var room: RoomID
    /// Further content of the member event.
    public var content: JSONObject
    /// Servers to join through if this server is not in the room.
    public var servers: [ServerName]

    public init(
        _ action: Action, of target: UserID, in room: RoomID, by sender: UserID, content: JSONObject = [:],
        servers: [ServerName] = []
    ) {
        self.action = action
        self.sender = sender
        self.target = target
        self.room = room
        self.content = content
        self.servers = servers
    }
}

/// A room that was made.
public struct CreatedRoom: Hashable, Sendable {
    public var room: RoomID
    /// `nil` if none was asked for.
    public var alias: RoomAlias?

    public init(room: RoomID, alias: RoomAlias? = nil) {
        self.room = room
        self.alias = alias
    }
}

/// The list of rooms that this server publishes. Synapse's `public_room_list_manager`.
///
/// No callbacks run and no permissions are asked for.
public protocol PublicRoomList: Sendable {
    /// Whether a room is on the list; `false` for rooms this server does not know.
    func contains(_ room: RoomID) async throws -> Bool

    /// - Throws: `MatrixError` 404 if this server does not know the room.
    func add(_ room: RoomID) async throws

    /// - Throws: `MatrixError` 404 if this server does not know the room.
    func remove(_ room: RoomID) async throws
}

/// What users' clients keep on the server. Synapse's `account_data_manager`.
public protocol ModuleAccountData: Sendable {
    /// A user's global account data of a type; `nil` if there is none.
    /// - Throws: ``ModuleError/notLocal(_:)`` if the user is not one of this server.
    func global(_ type: String, of user: UserID) async throws -> JSONObject?

    /// A user's account data of a type for one room; `nil` if there is none.
    func data(_ type: String, in room: RoomID, of user: UserID) async throws -> JSONObject?

    /// Replaces a user's global account data of a type. The user's clients and `on_account_data_updated` hear of it.
    /// - Throws: ``ModuleError/notLocal(_:)`` if the user is not one of this server, ``ModuleError/invalid(_:)`` if they are
    ///   not registered.
    func setGlobal(_ type: String, to content: JSONObject, of user: UserID) async throws
}
