package import MatrixCore
package import ModuleAPI
package import SQLEngine
import Storage

/// What modules may know of the users of this server, and do for them.
package struct UsersForModules: ModuleUsers {
    /// The services it speaks for.
    package struct Services: Sendable {
        package var accounts: AccountService
        package var tokens: AccessTokenService
        package var loginTokens: LoginTokenService
        package var devices: DeviceService
        package var profiles: ProfileService
        package var limits: RateLimiter
        package var deactivation: DeactivationService

        package init(
            accounts: AccountService, tokens: AccessTokenService, loginTokens: LoginTokenService,
            devices: DeviceService, profiles: ProfileService, limits: RateLimiter,
            deactivation: DeactivationService
        ) {
            self.accounts = accounts
            self.tokens = tokens
            self.loginTokens = loginTokens
            self.devices = devices
            self.profiles = profiles
            self.limits = limits
            self.deactivation = deactivation
        }
    }

    let database: any Database
    let services: Services

    package init(database: any Database, services: Services) {
        self.database = database
        self.services = services
    }

    // MARK: Looking up

    package func info(of user: UserID) async throws -> UserInfo? {
        guard let account = try await services.accounts.account(of: user) else { return nil }
        return UserInfo(
            user: account.user, applicationService: account.appservice, userType: account.userType,
            createdAt: account.createdAt, isAdmin: account.isAdmin, isGuest: account.isGuest,
            isDeactivated: account.isDeactivated, isShadowBanned: account.isShadowBanned, isLocked: account.isLocked,
            isSuspended: account.isSuspended)
    }

    package func requester(
        forToken token: String?, allowGuest: Bool, allowExpired: Bool, address: String?, userAgent: String?
    ) async throws -> Requester {
        guard let token else {
            throw MatrixError(status: 401, code: .missingToken, message: "Missing access token")
        }
        let requester = try await services.tokens.requester(
            forToken: token, address: address, userAgent: userAgent)
        if !allowExpired { try await services.tokens.checkValidity(of: requester) }
        if requester.isGuest, !allowGuest {
            throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access not allowed")
        }
        return requester
    }

    package func existing(_ user: UserID) async throws -> UserID? {
        try await services.accounts.account(like: user)?.user
    }

    package func profile(of user: UserID) async throws -> ModuleAPI.UserProfile? {
        let profile = try await database.read { try $0.profiles.profile(of: user) }
        return profile.map { ModuleAPI.UserProfile(displayName: $0.displayName, avatarURL: $0.avatarURL) }
    }

    package func threepids(of user: UserID) async throws -> [Threepid] {
        guard let account = try await services.accounts.account(of: user) else { return [] }
        return try await services.accounts.threepids(of: account.number).map { threepid in
            Threepid(
                medium: threepid.medium, address: threepid.address, validatedAt: threepid.validatedAt,
                addedAt: threepid.addedAt)
        }
    }

    package func sightings(of user: UserID, since: Timestamp) async throws -> [UserSighting] {
        guard let account = try await services.accounts.account(of: user) else { return [] }
        return try await services.devices.sightings(of: account.number, since: since).map { sighting in
            UserSighting(
                address: sighting.address ?? "", userAgent: sighting.userAgent ?? "", lastSeen: sighting.at)
        }
    }

    package func user(knownTo provider: String, as externalID: String) async throws -> UserID? {
        let id = StoredExternalID(provider: provider, id: externalID)
        guard isStorable(provider), isStorable(externalID) else { return nil }
        return try await database.read { try $0.externalIDs.account(id)?.user }
    }

    package func externalIDs(of user: UserID) async throws -> [ExternalID] {
        guard let account = try await services.accounts.account(of: user) else { return [] }
        return try await database.read { try $0.externalIDs.ids(of: account.number) }
            .map { ExternalID(provider: $0.provider, id: $0.id) }
    }

    package func rateLimit(of user: UserID) async throws -> UserRateLimit? {
        services.limits.override(for: user).map {
            UserRateLimit(messagesPerSecond: $0.messagesPerSecond, burstCount: $0.burstCount)
        }
    }

    // MARK: Parts

    /// The account of a user who must be there.
    /// - Throws: 404 `M_NOT_FOUND` if there is none.
    func existingAccount(of user: UserID) async throws -> Account {
        guard let account = try await services.accounts.account(of: user) else {
            throw MatrixError.notFound("User \(user) not found")
        }
        return account
    }

    /// PostgreSQL takes no NUL.
    func isStorable(_ text: String) -> Bool { !text.utf8.contains(0) }
}
