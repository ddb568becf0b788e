import Homeserver
import MatrixCore
import SQLEngine
import ServerConfiguration

/// What the configuration means for each part of the domain.
extension Configuration {
    var accountSettings: AccountSettings {
        var settings = AccountSettings(serverName: serverName)
        settings.isRegistrationEnabled = registration.isOpen && !blocking.isDisabled
        settings.registrationRequiresToken = registration.requiresToken
        settings.registrationSharedSecret = registration.sharedSecret
        settings.allowsGuests = registration.allowsGuests
        settings.allowsUnderscorePrefix = registration.allowsLeadingUnderscore
        settings.hidesTakenUsernames = registration.hidesTakenNames
        settings.passwordUse =
            switch passwords.mode {
            case .enabled: .everything
            case .reauthenticationOnly: .confirmationOnly
            case .disabled: .nothing
            }
        settings.checksOwnPasswords = passwords.checksOwnHashes
        settings.accessTokenLifetime = sessions.effectiveTokenLifetime
        settings.interactiveAuthGrace = sessions.confirmationTimeout
        if let policy = passwords.policy {
            settings.passwordPolicy.isEnabled = true
            settings.passwordPolicy.minimumLength = policy.minimumLength
            settings.passwordPolicy.requiresDigit = policy.requiresDigit
            settings.passwordPolicy.requiresSymbol = policy.requiresSymbol
            settings.passwordPolicy.requiresLowercase = policy.requiresLowercase
            settings.passwordPolicy.requiresUppercase = policy.requiresUppercase
        }
        return settings
    }

    var roomSettings: Homeserver.RoomSettings {
        var settings = Homeserver.RoomSettings(serverName: serverName)
        settings.defaultVersion = rooms.defaultVersion
        switch rooms.encryptionByDefault {
        case .never: break
        case .invitedOnly: settings.encryptedPresets = [.privateChat, .trustedPrivateChat]
        case .always: settings.encryptedPresets = Set(RoomPreset.allCases)
        }
        for (name, content) in rooms.powerLevelOverrides {
            if let preset = RoomPreset(rawValue: name) { settings.powerLevelOverrides[preset] = content }
        }
        settings.blocksInvites = rooms.onlyAdminsInvite
        settings.forgetsOnLeave = rooms.forgetsOnLeave
        settings.allowsPerRoomProfiles = profiles.allowsPerRoomProfiles
        settings.showsProfileOnInvite = profiles.shownOnInvite
        settings.excludedFromSync = rooms.excludedFromSync
        let further = rooms.additionalPrejoinEvents.map { StateKey($0.type, $0.stateKey ?? "") }
        settings.strippedState = (rooms.disablesDefaultPrejoinEvents ? [] : StrippedState.standardKeys) + further
        settings.listsRooms = directory.isSearchable
        settings.showsDirectoryToAnyone = directory.isOpenToAnyone
        settings.aliasesRequireMembership = directory.aliasesRequireMembership
        let (aliasRules, publicationRules) = (directory.aliasRules, directory.publicationRules)
        settings.mayCreateAlias = { aliasRules.allow(user: $0, room: $1 ?? RoomID(trusted: ""), aliases: $2) }
        settings.mayPublish = { publicationRules.allow(user: $0, room: $1 ?? RoomID(trusted: ""), aliases: $2) }
        return settings
    }

    func profileSettings(
        sharesRoom: @escaping @Sendable (UserID, UserID) async throws -> Bool
    ) -> Homeserver.ProfileSettings {
        var settings = Homeserver.ProfileSettings(serverName: serverName)
        settings.allowsDisplayNameChanges = profiles.allowsSettingDisplayName
        settings.allowsAvatarChanges = profiles.allowsSettingAvatar
        settings.requiresAuthentication = profiles.requiresAuthentication
        settings.limitsToSharedRooms = profiles.onlyForRoomMates
        settings.sharesRoom = sharesRoom
        return settings
    }

    var rateLimitSettings: RateLimitSettings {
        var settings = RateLimitSettings()
        let limits: [(LimitedAction, ServerConfiguration.RateLimit?)] = [
            (.message, rateLimits.message), (.registration, rateLimits.registration),
            (.registrationTokenValidity, rateLimits.registrationTokenValidity),
            (.loginAddress, rateLimits.loginAddress), (.loginAccount, rateLimits.loginAccount),
            (.loginFailedAttempts, rateLimits.loginFailedAttempts), (.adminRedaction, rateLimits.adminRedaction),
            (.joinsLocal, rateLimits.joinsLocal), (.joinsRemote, rateLimits.joinsRemote),
            (.joinsPerRoom, rateLimits.joinsPerRoom), (.thirdPartyValidation, rateLimits.thirdPartyIDValidation),
            (.invitesPerRoom, rateLimits.invitesPerRoom), (.invitesPerUser, rateLimits.invitesPerUser),
            (.invitesPerIssuer, rateLimits.invitesPerIssuer), (.thirdPartyInvite, rateLimits.thirdPartyInvite),
            (.mediaCreation, rateLimits.mediaCreate), (.presence, rateLimits.presencePerUser),
            (.delayedEventManagement, rateLimits.delayedEventManagement), (.reports, rateLimits.reports),
            (.roomCreation, rateLimits.roomCreation), (.userDirectory, rateLimits.userDirectory),
            (.profile, rateLimits.profile),
        ]
        for (action, limit) in limits {
            settings[action] = limit.map { Homeserver.RateLimit(perSecond: $0.perSecond, burst: $0.burstCount) }
        }
        return settings
    }

    /// Opens the database. Its schema may be old or missing.
    func openDatabase() async throws -> any Database {
        switch database {
        case .sqlite(let settings):
            return try await SQLiteDatabase.open(
                path: settings.path, options: SQLiteOptions(synchronous: settings.engineSynchronous))
        case .postgresql(let settings): return try await PostgresDatabase.open(settings.engineParameters())
        }
    }

    /// Where modules have their tables, beside those of the open `database`.
    func moduleTablesPlace(_ database: any Database) async throws -> ModuleTablesPlace {
        switch self.database {
        case .sqlite(let settings): .beside(settings.path, synchronous: settings.engineSynchronous)
        case .postgresql(let settings): try await .within(database, settings.engineParameters())
        }
    }
}

extension SQLiteSettings {
    fileprivate var engineSynchronous: SQLiteOptions.Synchronous { synchronous == .full ? .full : .normal }
}

extension PostgreSQLSettings {
    fileprivate func engineParameters() throws -> PostgresParameters {
        let arguments = Dictionary(parameters.map { ($0.name, $0.value) }) { $1 }
        var parameters = try PostgresParameters(arguments: arguments)
        parameters.connectionLimit = max(2, connections.upperBound)
        parameters.allowsUnsafeLocale = allowsUnsafeLocale
        parameters.schema = "axolemma"
        return parameters
    }
}
