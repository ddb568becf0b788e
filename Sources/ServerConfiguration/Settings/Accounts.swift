/// Who may get an account, and how. Synapse's manual: "Registration".
package struct RegistrationSettings: Sendable {
    /// `enable_registration`: whether anybody may register through the client API.
    package var isOpen: Bool
    /// `registration_requires_token`
    package var requiresToken: Bool
    /// `registration_shared_secret(_path)`: whoever knows it may register anybody, also when ``isOpen`` is false.
    package var sharedSecret: String?
    /// `allow_guest_access`
    package var allowsGuests: Bool
    /// `bcrypt_rounds`: the cost of a password hash, as a power of two.
    package var bcryptRounds: Int
    /// `inhibit_user_in_use_error`: `/register/available` does not tell which names are taken.
    package var hidesTakenNames: Bool
    /// `allow_underscore_prefixed_registration`
    package var allowsLeadingUnderscore: Bool
    /// `auto_join_rooms`: aliases of the rooms a new user joins.
    package var autoJoinRooms: [String]

    init(_ options: OptionReader, missing: inout [MissingFile]) {
        isOpen = options.bool("enable_registration", default: false)
        requiresToken = options.bool("registration_requires_token", default: false)
        allowsGuests = options.bool("allow_guest_access", default: false)
        bcryptRounds = options.integer("bcrypt_rounds", in: 4...31) ?? 12
        hidesTakenNames = options.bool("inhibit_user_in_use_error", default: false)
        allowsLeadingUnderscore = options.bool("allow_underscore_prefixed_registration", default: false)
        autoJoinRooms = options.strings("auto_join_rooms") ?? []
        if !options.has("registration_shared_secret"), let path = options.text("registration_shared_secret_path"),
            !Files.exists(path)
        {
            missing.append(.registrationSharedSecret(path: path))
        } else {
            sharedSecret = options.secret("registration_shared_secret")
        }
        let unverified = options.bool("enable_registration_without_verification", default: false)
        if isOpen, !requiresToken, !unverified {
            options.fail(
                "enable_registration", "anybody could register without any check, which draws spam and abuse",
                fix: "set 'registration_requires_token: true', or, if you really mean it, "
                    + "'enable_registration_without_verification: true'")
        }
    }
}

/// Passwords and what is asked of them. Synapse's manual: `password_config`.
package struct PasswordSettings: Sendable, Hashable {
    package enum Mode: Sendable, Hashable {
        case enabled
        /// Not for logging in, only for confirming an action.
        case reauthenticationOnly
        case disabled
    }

    package var mode: Mode
    /// `localdb_enabled`: whether passwords are checked against our own hashes. If not, only modules can check them.
    package var checksOwnHashes: Bool
    /// `pepper`: appended to each password before it is hashed.
    package var pepper: String
    /// `policy`; `nil` unless enabled.
    package var policy: PasswordPolicy?

    init(_ options: OptionReader) {
        let section = options.options("password_config")
        switch section.node("enabled")?.value {
        case .string("only_for_reauth"): mode = .reauthenticationOnly
        case .string:
            mode = .enabled
            section.fail("enabled", "not understood", fix: "use true, false or 'only_for_reauth'")
        default: mode = section.bool("enabled", default: true) ? .enabled : .disabled
        }
        checksOwnHashes = section.bool("localdb_enabled", default: true)
        pepper = section.string("pepper") ?? ""
        let policy = section.options("policy")
        let read = PasswordPolicy(policy)
        self.policy = policy.bool("enabled", default: false) ? read : nil
    }
}

/// What a new password must have. Synapse's manual: `password_config.policy`.
package struct PasswordPolicy: Sendable, Hashable {
    package var minimumLength: Int
    package var requiresDigit: Bool
    package var requiresSymbol: Bool
    package var requiresLowercase: Bool
    package var requiresUppercase: Bool

    init(_ options: OptionReader) {
        minimumLength = options.integer("minimum_length", in: 0...512) ?? 0
        requiresDigit = options.bool("require_digit", default: false)
        requiresSymbol = options.bool("require_symbol", default: false)
        requiresLowercase = options.bool("require_lowercase", default: false)
        requiresUppercase = options.bool("require_uppercase", default: false)
    }
}

/// How long a log-in lasts. Synapse's manual: "User session management".
package struct SessionSettings: Sendable, Hashable {
    /// `session_lifetime`: after this time a user has to log in again; `nil` is never.
    package var lifetime: Duration?
    /// `nonrefreshable_access_token_lifetime`; `nil` is for ever.
    package var accessTokenLifetime: Duration?
    /// `ui_auth.session_timeout`: for how long one confirmation counts for further actions.
    package var confirmationTimeout: Duration

    init(_ options: OptionReader) {
        lifetime = options.durationOrInfinity("session_lifetime")
        accessTokenLifetime = options.durationOrInfinity("nonrefreshable_access_token_lifetime")
        confirmationTimeout = options.options("ui_auth").duration("session_timeout") ?? .zero
        if let lifetime, let accessTokenLifetime, accessTokenLifetime > lifetime {
            options.fail(
                "nonrefreshable_access_token_lifetime", "longer than 'session_lifetime'", fix: "shorten it or remove it"
            )
        }
    }

    /// When an access token issued now stops working, counted from now; `nil` is never.
    package var effectiveTokenLifetime: Duration? { accessTokenLifetime ?? lifetime }
}

/// Profiles: who may change and see them. Synapse's manual: "Server" and "Registration".
package struct ProfileSettings: Sendable, Hashable {
    /// `enable_set_displayname`
    package var allowsSettingDisplayName: Bool
    /// `enable_set_avatar_url`
    package var allowsSettingAvatar: Bool
    /// `require_auth_for_profile_requests`
    package var requiresAuthentication: Bool
    /// `limit_profile_requests_to_users_who_share_rooms`
    package var onlyForRoomMates: Bool
    /// `allow_per_room_profiles`: whether a member event may name the user otherwise than the profile.
    package var allowsPerRoomProfiles: Bool
    /// `include_profile_data_on_invite`: whether an invite event shows the invited user's name and picture.
    package var shownOnInvite: Bool

    init(_ options: OptionReader) {
        allowsSettingDisplayName = options.bool("enable_set_displayname", default: true)
        allowsSettingAvatar = options.bool("enable_set_avatar_url", default: true)
        requiresAuthentication = options.bool("require_auth_for_profile_requests", default: false)
        onlyForRoomMates = options.bool("limit_profile_requests_to_users_who_share_rooms", default: false)
        allowsPerRoomProfiles = options.bool("allow_per_room_profiles", default: true)
        shownOnInvite = options.bool("include_profile_data_on_invite", default: true)
    }
}

/// Whether the server serves users at all. Synapse's manual: "Homeserver blocking".
package struct BlockingSettings: Sendable, Hashable {
    /// `hs_disabled`: requests of users are refused with ``message``.
    package var isDisabled: Bool
    /// `hs_disabled_message`
    package var message: String
    /// `admin_contact`: a URI given with such a refusal.
    package var adminContact: String?

    init(_ options: OptionReader) {
        isDisabled = options.bool("hs_disabled", default: false)
        message = options.string("hs_disabled_message") ?? "Homeserver is currently blocked"
        adminContact = options.text("admin_contact")
    }
}
