public import MatrixCore

/// Callbacks that refuse spam: Synapse's
/// [spam checker callbacks](https://element-hq.github.io/synapse/latest/modules/spam_checker_callbacks.html).
///
/// A callback left out costs nothing: the server prepares no arguments for it. Of several modules the callbacks run one
/// after the other in the order of the configuration file, and the first that denies decides; the rest are not called.
/// An error refuses as well: a `MatrixError` reaches the client as it is, any other becomes 500 `M_UNKNOWN`.
/// "Denied" says what the client gets; a module's own code, text and fields take the place of the callback's.
public struct SpamChecker: Sendable {
    // MARK: Events

    /// Whether an event may be sent, `check_event_for_spam` (Synapse 1.37).
    ///
    /// Called for every event but memberships that a user of this server sends, or a module on a user's behalf, after
    /// `check_event_allowed` and before the event is authorized. Not called for the events a room is created with.
    /// Over federation it is called for every event whose signature was checked, memberships included.
    /// Denied: 403 "This message has been rejected as probable spam"; an event from another server is redacted and
    /// kept out of sight, and that server is not told.
    public typealias CheckEventForSpam = @Sendable (_ event: Event) async throws -> SpamAnswer

    /// Whether to have anything to do with an event from another server, `should_drop_federated_event` (1.60).
    ///
    /// Called for events and invites that other servers send. Dropped: the event is ignored and the other server told that
    /// all is well; an invite gets 403. If a later event names the dropped one as its parent it is fetched, and then not
    /// asked about.
    public typealias ShouldDropFederatedEvent = @Sendable (_ event: Event) async throws -> FederatedEventAnswer

    /// Whether a user may send a state event, `user_may_send_state_event` (1.132).
    ///
    /// Called for `PUT /rooms/{roomId}/state/…` only, memberships included, not for administrators.
    /// Denied: 403 "You are not permitted to send the state event".
    public typealias UserMaySendStateEvent =
        @Sendable (
            _ user: UserID, _ room: RoomID, _ key: StateKey, _ content: JSONObject
        ) async throws -> SpamAnswer

    // MARK: Rooms

    /// Whether a user may join a room, `user_may_join_room` (1.37); `isInvited` if an invite is pending.
    ///
    /// Called for every join by a user of this server except administrators' and that of a room's creator; before another
    /// server is asked, if the room is there. Denied: 403 "Not allowed to join this room".
    public typealias UserMayJoinRoom =
        @Sendable (_ user: UserID, _ room: RoomID, _ isInvited: Bool) async throws -> SpamAnswer

    /// Whether a user may invite another, `user_may_invite` (1.37).
    ///
    /// Called for every invite by a user of this server except administrators', those of a new room included; a room
    /// that an invite is denied in exists already. Denied: 403 "Invites have been disabled on this server".
    /// Called for invites from other servers too, after `federated_user_may_invite`, with that callback's text.
    public typealias UserMayInvite =
        @Sendable (_ inviter: UserID, _ invitee: UserID, _ room: RoomID) async throws -> SpamAnswer

    /// Whether a user of another server may invite one of ours, `federated_user_may_invite` (1.133).
    ///
    /// Called with the invite, whose `unsigned` holds the stripped state of the room (`invite_room_state`).
    /// Denied: 403 "This user is not permitted to send invites to this server/user".
    public typealias FederatedUserMayInvite = @Sendable (_ event: Event) async throws -> SpamAnswer

    /// Whether a user may invite somebody by a third-party identifier, `user_may_send_3pid_invite` (1.45).
    ///
    /// Called if the identifier belongs to no Matrix user (else `user_may_invite` is), after
    /// `check_threepid_can_be_invited`. Denied: 403 "Cannot send threepid invite".
    public typealias UserMaySendThreepidInvite =
        @Sendable (_ inviter: UserID, _ invitee: ThreepidAddress, _ room: RoomID) async throws -> SpamAnswer

    /// Whether a user may create a room, `user_may_create_room` (1.37); `configuration` is the body of the request.
    ///
    /// Called after `on_create_room`, whose edits it sees; not for administrators. Called for everybody who upgrades a
    /// room, with a body made of the old room's state (`creation_content`, `initial_state`).
    /// Denied: 403 "You are not permitted to create rooms".
    public typealias UserMayCreateRoom =
        @Sendable (_ user: UserID, _ configuration: JSONObject) async throws -> SpamAnswer

    /// Whether a user may give a room an alias, `user_may_create_room_alias` (1.37).
    ///
    /// Called for the alias of a new room too; not for application services.
    /// Denied: 403 "This user is not permitted to create this alias".
    public typealias UserMayCreateRoomAlias =
        @Sendable (_ user: UserID, _ alias: RoomAlias) async throws -> SpamAnswer

    /// Whether a user may put a room on this server's list or take it off, `user_may_publish_room` (1.37).
    ///
    /// Not called for the `visibility` of a new room.
    /// Denied: 403 "This user is not permitted to publish rooms to the room list".
    public typealias UserMayPublishRoom = @Sendable (_ user: UserID, _ room: RoomID) async throws -> SpamAnswer

    // MARK: Accounts

    /// Whether a user is shown in the results of a search of the user directory, `check_username_for_spam` (1.37).
    ///
    /// Called for each result, for the user `searcher`. The first module that hides decides; no further user takes the
    /// place of one that is hidden.
    public typealias CheckUsernameForSpam =
        @Sendable (_ profile: DirectoryProfile, _ searcher: UserID) async throws -> DirectoryAnswer

    /// Whether an account may be made, `check_registration_for_spam` (1.37).
    ///
    /// Called whenever one is, by a client, an administrator, single sign-on or a module, but not for users of
    /// application services. The first answer other than `allow` decides. Denied: 429 `M_UNKNOWN` "Rate limited".
    public typealias CheckRegistrationForSpam =
        @Sendable (_ attempt: RegistrationAttempt) async throws -> RegistrationAnswer

    /// Whether a user may log in, `check_login_for_spam` (1.87).
    ///
    /// Called once the user has shown who they are, before the device is made; not for the login that comes with a
    /// registration. Denied: 403 "Login was blocked by the server".
    public typealias CheckLoginForSpam = @Sendable (_ attempt: LoginAttempt) async throws -> SpamAnswer

    // MARK: Media

    /// Whether a file may be kept, `check_media_file_for_spam` (1.37).
    ///
    /// Called for uploads, for media of other servers, for thumbnails and for downloads of the URL preview, once the bytes
    /// are there. Denied: the file is deleted. An upload gets 400 `M_UNKNOWN` "Bad content" whatever the module says, all
    /// else 404 with the module's code.
    public typealias CheckMediaFileForSpam =
        @Sendable (_ file: MediaFile, _ info: MediaFileInfo) async throws -> SpamAnswer

    public var checkEventForSpam: CheckEventForSpam?
    public var shouldDropFederatedEvent: ShouldDropFederatedEvent?
    public var userMaySendStateEvent: UserMaySendStateEvent?
    public var userMayJoinRoom: UserMayJoinRoom?
    public var userMayInvite: UserMayInvite?
    public var federatedUserMayInvite: FederatedUserMayInvite?
    public var userMaySendThreepidInvite: UserMaySendThreepidInvite?
    public var userMayCreateRoom: UserMayCreateRoom?
    public var userMayCreateRoomAlias: UserMayCreateRoomAlias?
    public var userMayPublishRoom: UserMayPublishRoom?
    public var checkUsernameForSpam: CheckUsernameForSpam?
    public var checkRegistrationForSpam: CheckRegistrationForSpam?
    public var checkLoginForSpam: CheckLoginForSpam?
    public var checkMediaFileForSpam: CheckMediaFileForSpam?

    public init(
        checkEventForSpam: CheckEventForSpam? = nil,
        shouldDropFederatedEvent: ShouldDropFederatedEvent? = nil,
        userMaySendStateEvent: UserMaySendStateEvent? = nil,
        userMayJoinRoom: UserMayJoinRoom? = nil,
        userMayInvite: UserMayInvite? = nil,
        federatedUserMayInvite: FederatedUserMayInvite? = nil,
        userMaySendThreepidInvite: UserMaySendThreepidInvite? = nil,
        userMayCreateRoom: UserMayCreateRoom? = nil,
        userMayCreateRoomAlias: UserMayCreateRoomAlias? = nil,
        userMayPublishRoom: UserMayPublishRoom? = nil,
        checkUsernameForSpam: CheckUsernameForSpam? = nil,
        checkRegistrationForSpam: CheckRegistrationForSpam? = nil,
        checkLoginForSpam: CheckLoginForSpam? = nil,
        checkMediaFileForSpam: CheckMediaFileForSpam? = nil
    ) {
        self.checkEventForSpam = checkEventForSpam
        self.shouldDropFederatedEvent = shouldDropFederatedEvent
        self.userMaySendStateEvent = userMaySendStateEvent
        self.userMayJoinRoom = userMayJoinRoom
        self.userMayInvite = userMayInvite
        self.federatedUserMayInvite = federatedUserMayInvite
        self.userMaySendThreepidInvite = userMaySendThreepidInvite
        self.userMayCreateRoom = userMayCreateRoom
        self.userMayCreateRoomAlias = userMayCreateRoomAlias
        self.userMayPublishRoom = userMayPublishRoom
        self.checkUsernameForSpam = checkUsernameForSpam
        self.checkRegistrationForSpam = checkRegistrationForSpam
        self.checkLoginForSpam = checkLoginForSpam
        self.checkMediaFileForSpam = checkMediaFileForSpam
    }
}
