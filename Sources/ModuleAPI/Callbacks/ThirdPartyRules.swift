public import MatrixCore

/// Callbacks that add rules to rooms and accounts, and hear of what happens to them: Synapse's
/// [third-party rules callbacks](https://element-hq.github.io/synapse/latest/modules/third_party_rules_callbacks.html).
///
/// A callback left out costs nothing: the server drafts no event and looks up no state for it. Of several modules the
/// callbacks run one after the other in the order of the configuration file.
///
/// Callbacks that answer with a ``RuleAnswer`` are asked until one denies, and one that throws, whatever it throws, counts
/// as allowing: the error only reaches the log. Callbacks that are only told something are all told; their errors only
/// reach the log.
public struct ThirdPartyRules: Sendable {
    // MARK: Rooms

    /// Whether an event may come into being, `check_event_allowed` (Synapse 1.39); `state` is the room's before the event.
    ///
    /// Called for every event this server makes, of any type, memberships and the events of a new room included, and for
    /// what it drafts for users of other servers who join, leave or knock; before spam checkers, and before the event is
    /// authorized. Also called for events that other servers send: one that is denied is rejected, and a replacement is
    /// then ignored (`module_settings.check_event_allowed_over_federation: false` turns that off).
    ///
    /// The first answer that denies or replaces decides; later modules are then not called. Denied: 403 `M_FORBIDDEN`
    /// "This event is not allowed in this context". An error refuses as well: a `MatrixError` reaches the client as it
    /// is, any other becomes 500 `M_UNKNOWN`.
    public typealias CheckEventAllowed = @Sendable (_ event: Event, _ state: StateMap) async throws -> EventAnswer

    /// Says yes to a new room, or no by throwing, `on_create_room` (1.39); changes to `request`, the body, count.
    ///
    /// Called early, before the request is validated, for administrators too, and not for upgrades. All modules run in
    /// order until one throws: a `MatrixError` reaches the client as it is, any other error becomes 403 `M_UNKNOWN`
    /// "Room creation forbidden with these parameters".
    public typealias OnCreateRoom =
        @Sendable (
            _ requester: Requester, _ request: inout JSONObject, _ isRequesterAdmin: Bool
        ) async throws -> Void

    /// Whether somebody may be invited by a third-party identifier, `check_threepid_can_be_invited` (1.39).
    ///
    /// Called with the room's current state, before an identity server is asked whose it is.
    /// Denied: 403 `M_FORBIDDEN` "This third-party identifier can not be invited in this room".
    public typealias CheckThreepidCanBeInvited =
        @Sendable (_ invitee: ThreepidAddress, _ state: StateMap) async throws -> RuleAnswer

    /// Whether a room may be shown in this server's list or not, `check_visibility_can_be_modified` (1.39).
    ///
    /// Called for every new room, when it has no state yet (denied: 403 `M_UNKNOWN` "Room visibility value not
    /// allowed."), and when a room is put on the list (denied: 403 `M_UNKNOWN` "Not allowed to publish room"), but not
    /// when it is taken off.
    public typealias CheckVisibilityCanBeModified =
        @Sendable (
            _ room: RoomID, _ state: StateMap, _ newVisibility: RoomVisibility
        ) async throws -> RuleAnswer

    /// Hears of an event that was stored, `on_new_event` (1.47); `state` is the room's current state, the event included.
    ///
    /// Called once per event that was not rejected, of any type, whoever sent it. The sender's answer does not wait for
    /// it.
    public typealias OnNewEvent = @Sendable (_ event: Event, _ state: StateMap) async throws -> Void

    /// Whether a room may be shut down, `check_can_shutdown_room` (1.55); `user` is the administrator, `nil` a module.
    ///
    /// Called when it is asked for, and again before it is done. Denied: 403 `M_FORBIDDEN` "Shutdown of this room is
    /// forbidden".
    public typealias CheckCanShutdownRoom =
        @Sendable (_ user: UserID?, _ room: RoomID) async throws -> RuleAnswer

    // MARK: Accounts

    /// Whether an account may be deactivated, `check_can_deactivate_user` (1.55).
    ///
    /// Denied: 403 `M_FORBIDDEN` "Deactivation of this user is forbidden".
    public typealias CheckCanDeactivateUser =
        @Sendable (_ user: UserID, _ byAdmin: Bool) async throws -> RuleAnswer

    /// Hears of a changed profile of a user of this server, `on_profile_update` (1.54), before the rooms do.
    ///
    /// `isDeactivation` if an account is deactivated and erased; `profile` is then empty. Not called for new accounts, nor
    /// for profiles of a single room. A module that changes a profile is an administrator.
    public typealias OnProfileUpdate =
        @Sendable (
            _ user: UserID, _ profile: UserProfile, _ byAdmin: Bool, _ isDeactivation: Bool
        ) async throws -> Void

    /// Hears of an account that was deactivated or reactivated, `on_user_deactivation_status_changed` (1.54).
    public typealias OnUserDeactivationStatusChanged =
        @Sendable (_ user: UserID, _ isDeactivated: Bool, _ byAdmin: Bool) async throws -> Void

    /// Hears of an identifier that was added to or removed from a user of this server:
    /// `on_add_user_third_party_identifier`, `on_remove_user_third_party_identifier` (1.79), `on_threepid_bind` (1.56).
    ///
    /// An email address is in its canonical form. Not called for what an identity server keeps.
    public typealias OnThreepid = @Sendable (_ user: UserID, _ threepid: ThreepidAddress) async throws -> Void

    public var checkEventAllowed: CheckEventAllowed?
    public var onCreateRoom: OnCreateRoom?
    public var checkThreepidCanBeInvited: CheckThreepidCanBeInvited?
    public var checkVisibilityCanBeModified: CheckVisibilityCanBeModified?
    public var onNewEvent: OnNewEvent?
    public var checkCanShutdownRoom: CheckCanShutdownRoom?
    public var checkCanDeactivateUser: CheckCanDeactivateUser?
    public var onProfileUpdate: OnProfileUpdate?
    public var onUserDeactivationStatusChanged: OnUserDeactivationStatusChanged?
    public var onAddUserThirdPartyIdentifier: OnThreepid?
    public var onRemoveUserThirdPartyIdentifier: OnThreepid?
    /// Called right after ``onAddUserThirdPartyIdentifier``, which takes its place: Synapse deprecates this one.
    public var onThreepidBind: OnThreepid?

    public init(
        checkEventAllowed: CheckEventAllowed? = nil,
        onCreateRoom: OnCreateRoom? = nil,
        checkThreepidCanBeInvited: CheckThreepidCanBeInvited? = nil,
        checkVisibilityCanBeModified: CheckVisibilityCanBeModified? = nil,
        onNewEvent: OnNewEvent? = nil,
        checkCanShutdownRoom: CheckCanShutdownRoom? = nil,
        checkCanDeactivateUser: CheckCanDeactivateUser? = nil,
        onProfileUpdate: OnProfileUpdate? = nil,
        onUserDeactivationStatusChanged: OnUserDeactivationStatusChanged? = nil,
        onAddUserThirdPartyIdentifier: OnThreepid? = nil,
        onRemoveUserThirdPartyIdentifier: OnThreepid? = nil,
        onThreepidBind: OnThreepid? = nil
    ) {
        self.checkEventAllowed = checkEventAllowed
        self.onCreateRoom = onCreateRoom
        self.checkThreepidCanBeInvited = checkThreepidCanBeInvited
        self.checkVisibilityCanBeModified = checkVisibilityCanBeModified
        self.onNewEvent = onNewEvent
        self.checkCanShutdownRoom = checkCanShutdownRoom
        self.checkCanDeactivateUser = checkCanDeactivateUser
        self.onProfileUpdate = onProfileUpdate
        self.onUserDeactivationStatusChanged = onUserDeactivationStatusChanged
        self.onAddUserThirdPartyIdentifier = onAddUserThirdPartyIdentifier
        self.onRemoveUserThirdPartyIdentifier = onRemoveUserThirdPartyIdentifier
        self.onThreepidBind = onThreepidBind
    }
}

/// An answer of ``ThirdPartyRules/CheckEventAllowed``.
public enum EventAnswer: Hashable, Sendable {
    /// As far as this module is concerned, yes.
    case allow
    /// No. The client gets `error`.
    case deny(_ error: MatrixError = .notAllowedInContext)
    /// Yes, but like this: a whole event, made by changing a copy of the event's `object`.
    ///
    /// `room_id`, `type` and `state_key` must stay as they are, and `sender` must be a user of this server; otherwise the
    /// request fails with 500. What ties the event to the room (earlier events, depth, hashes, signatures) is made anew.
    case replace(JSONObject)
}

/// A plain yes or no. The client's error is the callback's own.
public enum RuleAnswer: Hashable, Sendable {
    case allow
    case deny
}

/// Whether a room is on this server's list of rooms.
public enum RoomVisibility: String, Hashable, Sendable, CaseIterable {
    case `public`, `private`
}

extension MatrixError {
    /// The denial of `check_event_allowed` that gives no reason of its own.
    public static let notAllowedInContext = MatrixError.forbidden("This event is not allowed in this context")
}
