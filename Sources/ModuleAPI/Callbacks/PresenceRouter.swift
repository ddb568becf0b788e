public import MatrixCore

/// Callbacks that show users' presence to others than those they share a room with: Synapse's
/// [presence router callbacks](https://element-hq.github.io/synapse/latest/modules/presence_router_callbacks.html)
/// (Synapse 1.42). A module has both or neither.
///
/// All modules are asked, and what they say adds up. One that throws is left out; its error only reaches the log.
public struct PresenceRouter: Sendable {
    /// Who is to be told of these states, beside those who share a room with the users: `get_users_for_states`.
    ///
    /// Called whenever presence is handed on. A receiver may be a user of another server.
    public typealias GetUsersForStates =
        @Sendable (_ states: [UserPresenceState]) async throws -> [UserID: Set<UserPresenceState>]

    /// Whose presence a user of this server is to see, beside those who share a room with them: `get_interested_users`.
    ///
    /// The first module that says ``PresenceInterest/all`` decides; the rest are not asked.
    public typealias GetInterestedUsers = @Sendable (_ user: UserID) async throws -> PresenceInterest

    public var getUsersForStates: GetUsersForStates
    public var getInterestedUsers: GetInterestedUsers

    public init(
        getUsersForStates: @escaping GetUsersForStates, getInterestedUsers: @escaping GetInterestedUsers
    ) {
        self.getUsersForStates = getUsersForStates
        self.getInterestedUsers = getInterestedUsers
    }
}

/// An answer of ``PresenceRouter/GetInterestedUsers``.
public enum PresenceInterest: Hashable, Sendable {
    case users(Set<UserID>)
    /// Everybody this server knows the presence of. Synapse's `PRESENCE_ALL_USERS`.
    case all
}

/// Whether a user is there: `online`, `unavailable`, `offline`, or something newer.
public struct PresenceState: ByteComparable, ExpressibleByStringLiteral {
    public let string: String
    public init(_ string: String) { self.string = string }
    public init(stringLiteral value: String) { string = value }

    public static let online: PresenceState = "online"
    public static let unavailable: PresenceState = "unavailable"
    public static let offline: PresenceState = "offline"
}

/// A user's presence. Synapse's `UserPresenceState`.
public struct UserPresenceState: Hashable, Sendable {
    public var user: UserID
    public var state: PresenceState
    public var lastActive: Timestamp
    /// When other servers were last told.
    public var lastFederationUpdate: Timestamp
    public var lastUserSync: Timestamp
    public var statusMessage: String?
    public var isCurrentlyActive: Bool

    public init(
        user: UserID, state: PresenceState = .offline, lastActive: Timestamp = Timestamp(milliseconds: 0),
        lastFederationUpdate: Timestamp = Timestamp(milliseconds: 0),
        lastUserSync: Timestamp = Timestamp(milliseconds: 0), statusMessage: String? = nil,
        isCurrentlyActive: Bool = false
    ) {
        self.user = user
        self.state = state
        self.lastActive = lastActive
        self.lastFederationUpdate = lastFederationUpdate
        self.lastUserSync = lastUserSync
        self.statusMessage = statusMessage
        self.isCurrentlyActive = isCurrentlyActive
    }
}
