/// The callbacks a module can register, under the names modules, logs and metrics know them by.
package enum ModuleCallback: String, Sendable, CaseIterable {
    case checkEventForSpam = "check_event_for_spam"
    case userMayJoinRoom = "user_may_join_room"
    case userMayInvite = "user_may_invite"
    case userMayCreateRoom = "user_may_create_room"
    case checkEventAllowed = "check_event_allowed"
    case onCreateRoom = "on_create_room"
    case onNewEvent = "on_new_event"

    /// The bit that stands for this callback in a set of them.
    var bit: UInt64 {
        switch self {
        case .checkEventForSpam: 1 << 0
        case .userMayJoinRoom: 1 << 1
        case .userMayInvite: 1 << 2
        case .userMayCreateRoom: 1 << 3
        case .checkEventAllowed: 1 << 4
        case .onCreateRoom: 1 << 5
        case .onNewEvent: 1 << 6
        }
    }
}

/// How one call of a module's callback ended.
package enum CallbackOutcome: String, Sendable {
    /// It answered, and did not deny.
    case ok
    /// It denied, or threw a `MatrixError`, which is how a callback denies in its own words.
    case denied
    /// It threw anything else.
    case failed
    /// It did not answer in time.
    case timedOut = "timed_out"
}

/// One call of a module's callback, for the metrics.
package struct CallbackTiming: Sendable {
    package let module: String
    package let callback: ModuleCallback
    package let outcome: CallbackOutcome
    /// From the call to the answer, waiting included.
    package let duration: Duration
}
