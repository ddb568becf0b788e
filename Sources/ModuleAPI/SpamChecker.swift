public import MatrixCore

/// Callbacks that refuse spam: Synapse's
/// [spam checker callbacks](https://element-hq.github.io/synapse/latest/modules/spam_checker_callbacks.html).
///
/// A callback left out costs nothing: the server prepares no arguments for it. Of several modules the callbacks run one
/// after the other in the order of the configuration file, and the first that denies decides; the rest are not called.
/// An error refuses as well: a `MatrixError` reaches the client as it is, any other becomes 500 `M_UNKNOWN`.
public struct SpamChecker: Sendable {
    /// Whether an event may be sent, `check_event_for_spam`.
    ///
    /// Called for every event but memberships that a user of this server sends, or a module on a user's behalf, after
    /// `check_event_allowed` and before the event is authorized. Not called for the events a room is created with.
    /// Denied: 403 "This message has been rejected as probable spam".
    public typealias CheckEventForSpam = @Sendable (_ event: Event) async throws -> SpamAnswer

    /// Whether a user may join a room, `user_may_join_room`; `isInvited` if an invite is pending.
    ///
    /// Called for every join by a user of this server except administrators' and that of a room's creator.
    /// Denied: 403 "Not allowed to join this room".
    public typealias UserMayJoinRoom =
        @Sendable (_ user: UserID, _ room: RoomID, _ isInvited: Bool) async throws -> SpamAnswer

    /// Whether a user may invite another, `user_may_invite`.
    ///
    /// Called for every invite by a user of this server except administrators', those of a new room included; a room
    /// that an invite is denied in exists already. Denied: 403 "Invites have been disabled on this server".
    public typealias UserMayInvite =
        @Sendable (_ inviter: UserID, _ invitee: UserID, _ room: RoomID) async throws -> SpamAnswer

    /// Whether a user may create a room, `user_may_create_room`; `configuration` is the body of the request.
    ///
    /// Called after `on_create_room`, whose edits it sees; not for administrators.
    /// Denied: 403 "You are not permitted to create rooms".
    public typealias UserMayCreateRoom =
        @Sendable (_ user: UserID, _ configuration: JSONObject) async throws -> SpamAnswer

    public var checkEventForSpam: CheckEventForSpam?
    public var userMayJoinRoom: UserMayJoinRoom?
    public var userMayInvite: UserMayInvite?
    public var userMayCreateRoom: UserMayCreateRoom?

    public init(
        checkEventForSpam: CheckEventForSpam? = nil,
        userMayJoinRoom: UserMayJoinRoom? = nil,
        userMayInvite: UserMayInvite? = nil,
        userMayCreateRoom: UserMayCreateRoom? = nil
    ) {
        self.checkEventForSpam = checkEventForSpam
        self.userMayJoinRoom = userMayJoinRoom
        self.userMayInvite = userMayInvite
        self.userMayCreateRoom = userMayCreateRoom
    }
}

/// A spam checker's answer.
public enum SpamAnswer: Hashable, Sendable {
    /// As far as this module is concerned, yes. Synapse's `NOT_SPAM`.
    case allow
    /// No. The client gets 403, the code, the text (the callback's own if `nil`), and `fields` beside and over them.
    case deny(code: ErrorCode = .forbidden, message: String? = nil, fields: JSONObject = [:])
}
