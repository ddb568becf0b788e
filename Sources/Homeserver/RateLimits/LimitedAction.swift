/// What is done too often, named as in `homeserver.yaml`.
package enum LimitedAction: String, CaseIterable, Sendable {
    case message = "rc_message"
    case registration = "rc_registration"
    case registrationTokenValidity = "rc_registration_token_validity"
    case loginAddress = "rc_login.address"
    case loginAccount = "rc_login.account"
    case loginFailedAttempts = "rc_login.failed_attempts"
    /// Redactions by those whom a room lets redact others; without a limit of its own it counts as a message.
    case adminRedaction = "rc_admin_redaction"
    case joinsLocal = "rc_joins.local"
    case joinsRemote = "rc_joins.remote"
    case joinsPerRoom = "rc_joins_per_room"
    case thirdPartyValidation = "rc_3pid_validation"
    case invitesPerRoom = "rc_invites.per_room"
    case invitesPerUser = "rc_invites.per_user"
    case invitesPerIssuer = "rc_invites.per_issuer"
    case thirdPartyInvite = "rc_third_party_invite"
    case mediaCreation = "rc_media_create"
    case presence = "rc_presence.per_user"
    case delayedEventManagement = "rc_delayed_event_mgmt"
    case reports = "rc_reports"
    case roomCreation = "rc_room_creation"
    case userDirectory = "rc_user_directory"
    case profile = "rc_profile"

    /// The limit when the configuration names none; `nil` for no limit.
    package var standardLimit: RateLimit? {
        switch self {
        case .message, .thirdPartyInvite: RateLimit(perSecond: 0.2, burst: 10)
        case .registration, .loginFailedAttempts: RateLimit(perSecond: 0.17, burst: 3)
        case .registrationTokenValidity: RateLimit(perSecond: 0.1, burst: 5)
        case .loginAddress, .loginAccount, .thirdPartyValidation, .invitesPerUser:
            RateLimit(perSecond: 0.003, burst: 5)
        case .adminRedaction, .profile: nil
        case .joinsLocal: RateLimit(perSecond: 0.1, burst: 10)
        case .joinsRemote: RateLimit(perSecond: 0.01, burst: 10)
        case .joinsPerRoom: RateLimit(perSecond: 1, burst: 10)
        case .invitesPerRoom, .invitesPerIssuer: RateLimit(perSecond: 0.3, burst: 10)
        case .mediaCreation: RateLimit(perSecond: 10, burst: 50)
        case .presence: RateLimit(perSecond: 0.1, burst: 1)
        case .delayedEventManagement, .reports: RateLimit(perSecond: 1, burst: 5)
        case .roomCreation: RateLimit(perSecond: 0.016, burst: 10)
        case .userDirectory: RateLimit(perSecond: 0.016, burst: 200)
        }
    }
}

/// How often something may be done: `burst` times at once, and from then on `perSecond` times a second.
package struct RateLimit: Hashable, Sendable {
    package var perSecond: Double
    package var burst: Double

    package init(perSecond: Double, burst: Double) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// The limits in force.
package struct RateLimitSettings: Sendable {
    private var limits: [LimitedAction: RateLimit] = [:]

    /// The limits of a configuration that names none.
    package init() {
        for action in LimitedAction.allCases { limits[action] = action.standardLimit }
    }

    /// No limits at all.
    package static var unlimited: RateLimitSettings {
        var settings = RateLimitSettings()
        settings.limits = [:]
        return settings
    }

    /// The limit of an action; `nil` for none.
    package subscript(action: LimitedAction) -> RateLimit? {
        get { limits[action] }
        set { limits[action] = newValue }
    }
}
