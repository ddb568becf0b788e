public import MatrixCore

/// Callbacks that add rules to rooms and hear of what happens in them: Synapse's
/// [third-party rules callbacks](https://element-hq.github.io/synapse/latest/modules/third_party_rules_callbacks.html).
///
/// A callback left out costs nothing: the server drafts no event and looks up no state for it. Of several modules the
/// callbacks run one after the other in the order of the configuration file.
public struct ThirdPartyRules: Sendable {
    /// Whether an event may come into being, `check_event_allowed`; `state` is the room's before the event.
    ///
    /// Called for every event this server makes, of any type, memberships and the events of a new room included; before
    /// spam checkers, and before the event is authorized. The first answer that denies or replaces decides; later
    /// modules are then not called. Denied: 403 `M_FORBIDDEN` "This event is not allowed in this context".
    /// An error refuses as well: a `MatrixError` reaches the client as it is, any other becomes 500 `M_UNKNOWN`.
    public typealias CheckEventAllowed = @Sendable (_ event: Event, _ state: StateMap) async throws -> EventAnswer

    /// Says yes to a new room, or no by throwing, `on_create_room`; changes to `request`, the request's body, count.
    ///
    /// Called early, before the request is validated, for administrators too. All modules run in order until one
    /// throws: a `MatrixError` reaches the client as it is, any other error becomes 403 `M_UNKNOWN`
    /// "Room creation forbidden with these parameters".
    public typealias OnCreateRoom =
        @Sendable (
            _ requester: Requester, _ request: inout JSONObject, _ isRequesterAdmin: Bool
        ) async throws -> Void

    /// Hears of an event that was stored, `on_new_event`; `state` is the room's current state, the event included.
    ///
    /// Called once per event that was not rejected, of any type, whoever sent it. The sender's answer does not wait for
    /// it. All modules run in order; an error is logged and otherwise ignored.
    public typealias OnNewEvent = @Sendable (_ event: Event, _ state: StateMap) async throws -> Void

    public var checkEventAllowed: CheckEventAllowed?
    public var onCreateRoom: OnCreateRoom?
    public var onNewEvent: OnNewEvent?

    public init(
        checkEventAllowed: CheckEventAllowed? = nil,
        onCreateRoom: OnCreateRoom? = nil,
        onNewEvent: OnNewEvent? = nil
    ) {
        self.checkEventAllowed = checkEventAllowed
        self.onCreateRoom = onCreateRoom
        self.onNewEvent = onNewEvent
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

extension MatrixError {
    /// The denial of `check_event_allowed` that gives no reason of its own.
    public static let notAllowedInContext = MatrixError.forbidden("This event is not allowed in this context")
}
