/// A rate: so many actions per second in the long run, and so many at once.
package struct RateLimit: Sendable, Hashable {
    package var perSecond: Double
    package var burstCount: Double

    package init(perSecond: Double, burstCount: Double) { (self.perSecond, self.burstCount) = (perSecond, burstCount) }
}

/// How often who may do what, with Synapse's defaults. Synapse's manual: "Ratelimiting".
package struct RateLimits: Sendable, Hashable {
    /// `rc_message`: sending events, per user.
    package var message: RateLimit
    /// `rc_registration`: registering, per address.
    package var registration: RateLimit
    /// `rc_registration_token_validity`: asking whether a token is valid, per address.
    package var registrationTokenValidity: RateLimit
    /// `rc_login.address`: logging in, per address.
    package var loginAddress: RateLimit
    /// `rc_login.account`: logging in, per account.
    package var loginAccount: RateLimit
    /// `rc_login.failed_attempts`: failing to log in, per account.
    package var loginFailedAttempts: RateLimit
    /// `rc_admin_redaction`: redactions by room administrators; `nil` counts them as messages.
    package var adminRedaction: RateLimit?
    /// `rc_joins.local`: joining rooms this server is in, per user.
    package var joinsLocal: RateLimit
    /// `rc_joins.remote`: joining rooms it is not in, per user.
    package var joinsRemote: RateLimit
    /// `rc_joins_per_room`: joins of one room by anybody.
    package var joinsPerRoom: RateLimit
    /// `rc_3pid_validation`
    package var thirdPartyIDValidation: RateLimit
    /// `rc_invites.per_room`: invites into one room.
    package var invitesPerRoom: RateLimit
    /// `rc_invites.per_user`: invites of one user.
    package var invitesPerUser: RateLimit
    /// `rc_invites.per_issuer`: invites by one user.
    package var invitesPerIssuer: RateLimit
    /// `rc_third_party_invite`
    package var thirdPartyInvite: RateLimit
    /// `rc_media_create`
    package var mediaCreate: RateLimit
    /// `rc_federation`
    package var federation: FederationRateLimit
    /// `rc_presence.per_user`
    package var presencePerUser: RateLimit
    /// `rc_delayed_event_mgmt`
    package var delayedEventManagement: RateLimit
    /// `rc_reports`
    package var reports: RateLimit
    /// `rc_room_creation`: creating rooms, per user.
    package var roomCreation: RateLimit
    /// `rc_user_directory`
    package var userDirectory: RateLimit
    /// `rc_profile`: looking up profiles, per user; `nil` is without limit.
    package var profile: RateLimit?

    init(_ options: OptionReader) {
        let login = options.options("rc_login")
        let joins = options.options("rc_joins")
        let invites = options.options("rc_invites")
        message = options.rate("rc_message", 0.2, 10)
        registration = options.rate("rc_registration", 0.17, 3)
        registrationTokenValidity = options.rate("rc_registration_token_validity", 0.1, 5)
        loginAddress = login.rate("address", 0.003, 5)
        loginAccount = login.rate("account", 0.003, 5)
        loginFailedAttempts = login.rate("failed_attempts", 0.17, 3)
        adminRedaction = options.optionalRate("rc_admin_redaction")
        joinsLocal = joins.rate("local", 0.1, 10)
        joinsRemote = joins.rate("remote", 0.01, 10)
        joinsPerRoom = options.rate("rc_joins_per_room", 1, 10)
        thirdPartyIDValidation = options.rate("rc_3pid_validation", 0.003, 5)
        invitesPerRoom = invites.rate("per_room", 0.3, 10)
        invitesPerUser = invites.rate("per_user", 0.003, 5)
        invitesPerIssuer = invites.rate("per_issuer", 0.3, 10)
        thirdPartyInvite = options.rate("rc_third_party_invite", 0.2, 10)
        mediaCreate = options.rate("rc_media_create", 10, 50)
        federation = FederationRateLimit(options.options("rc_federation"))
        presencePerUser = options.options("rc_presence").rate("per_user", 0.1, 1)
        delayedEventManagement = options.rate("rc_delayed_event_mgmt", 1, 5)
        reports = options.rate("rc_reports", 1, 5)
        roomCreation = options.rate("rc_room_creation", 0.016, 10)
        userDirectory = options.rate("rc_user_directory", 0.016, 200)
        profile = options.optionalRate("rc_profile")
    }
}

/// How requests of one remote server are slowed down. Synapse's manual: `rc_federation`.
package struct FederationRateLimit: Sendable, Hashable {
    /// `window_size`
    package var window: Duration
    /// `sleep_limit`: requests within the window after which further ones wait for ``sleepDelay``.
    package var sleepLimit: Int
    /// `sleep_delay`
    package var sleepDelay: Duration
    /// `reject_limit`: waiting requests after which further ones are refused.
    package var rejectLimit: Int
    /// `concurrent`: requests worked on at once.
    package var concurrent: Int

    init(_ options: OptionReader) {
        window = options.duration("window_size") ?? .milliseconds(1000)
        sleepLimit = options.integer("sleep_limit") ?? 10
        sleepDelay = options.duration("sleep_delay") ?? .milliseconds(500)
        rejectLimit = options.integer("reject_limit") ?? 50
        concurrent = options.integer("concurrent") ?? 3
    }
}

extension OptionReader {
    /// A rate whose missing parts are filled in from the given default.
    fileprivate func rate(_ key: String, _ perSecond: Double, _ burstCount: Double) -> RateLimit {
        let section = options(key)
        return RateLimit(
            perSecond: section.number("per_second") ?? perSecond,
            burstCount: section.number("burst_count") ?? burstCount)
    }

    /// A rate without a default; a missing part is Synapse's general 0.17 per second, 3 at once.
    fileprivate func optionalRate(_ key: String) -> RateLimit? { has(key) ? rate(key, 0.17, 3) : nil }
}
