package import MatrixCore
package import ModuleAPI
import SQLEngine
import Storage

/// Registering and changing users.
extension UsersForModules {
    package func checkUsername(_ localpart: String) async throws {
        try await services.accounts.checkUsername(localpart)
    }

    package func register(_ user: NewUser) async throws -> UserID {
        var registration = NewRegistration(localpart: user.localpart)
        registration.displayName = user.displayName
        registration.isAdmin = user.isAdmin
        guard (user.displayName ?? "").unicodeScalars.count <= ProfileService.maximumDisplayName else {
            throw MatrixError.unknown("Displayname is too long (max \(ProfileService.maximumDisplayName))")
        }
        for email in user.emails {
            guard email.utf8.count <= 500, email.utf8.contains(UInt8(ascii: "@")), isStorable(email) else {
                throw MatrixError.invalidParam("'\(email)' is not a valid email address")
            }
            registration.emails.append(ThreepidAddress(canonical: email, medium: "email").address)
        }
        return try await services.accounts.register(registration).user
    }

    package func registerDevice(
        of user: UserID, device: DeviceID?, displayName: String?
    ) async throws -> DeviceLogin {
        let login = try await services.accounts.openSession(
            try await existingAccount(of: user), device: DeviceRequest(id: device, displayName: displayName))
        return DeviceLogin(device: login.device, accessToken: login.accessToken, validUntil: login.validUntil)
    }

    package func record(_ externalID: ExternalID, for user: UserID) async throws {
        let account = try await existingAccount(of: user)
        guard isStorable(externalID.provider), isStorable(externalID.id) else {
            throw MatrixError.invalidParam("An external ID contains a null character")
        }
        let id = StoredExternalID(provider: externalID.provider, id: externalID.id)
        let isTheirs = try await database.write { try $0.externalIDs.insert(id, of: account.number) }
        if !isTheirs { throw ModuleError.externalIDInUse }
    }

    package func createLoginToken(
        for user: UserID, lifetime: Duration, providerID: String?, providerSessionID: String?
    ) async throws -> String {
        let account = try await existingAccount(of: user)
        return try await services.loginTokens.token(
            for: account.number, lifetime: lifetime, provider: providerID.map { ($0, providerSessionID) })
    }

    package func invalidate(accessToken: String) async throws {
        let requester = try await services.tokens.requester(forToken: accessToken, address: nil, userAgent: nil)
        try await services.devices.logOut(requester, accessToken: accessToken)
    }

    package func setAdmin(_ isAdmin: Bool, _ user: UserID) async throws {
        let account = try await existingAccount(of: user)
        try await services.accounts.setAdmin(isAdmin, of: account)
    }

    package func setDisplayName(_ name: String, of user: UserID) async throws {
        try await setField("displayname", to: name, of: user)
    }

    package func setAvatar(_ url: String, of user: UserID) async throws {
        try await setField("avatar_url", to: url, of: user)
    }

    package func setRateLimit(_ limit: UserRateLimit?, of user: UserID) async throws {
        let account = try await existingAccount(of: user)
        let override = limit.map {
            Storage.RateLimitOverride(messagesPerSecond: $0.messagesPerSecond, burstCount: $0.burstCount)
        }
        let limits = services.limits
        try await database.write { transaction in
            try transaction.rateLimitOverrides.set(override, of: account.number)
            transaction.onCommit { limits.setOverride(override, for: account.user) }
        }
    }

    package func add(_ threepid: Threepid, to user: UserID) async throws {
        let account = try await existingAccount(of: user)
        guard isStorable(threepid.medium), isStorable(threepid.address),
            threepid.medium.utf8.count <= 100, 1...500 ~= threepid.address.utf8.count
        else { throw MatrixError.invalidParam("This is not a valid address") }
        let stored = StoredThreepid(
            medium: threepid.medium, address: threepid.address, validatedAt: threepid.validatedAt,
            addedAt: threepid.addedAt)
        try await database.write { try $0.threepids.set(stored, of: account.number) }
    }

    package func remove(_ address: ThreepidAddress, from user: UserID) async throws {
        guard let account = try await services.accounts.account(of: user), isStorable(address.medium),
            isStorable(address.address)
        else { return }
        try await database.write {
            try $0.threepids.delete(medium: address.medium, address: address.address, of: account.number)
        }
    }

    package func deactivate(_ user: UserID, erasing: Bool, byAdmin: Bool) async throws {
        try await services.deactivation.deactivate(
            try await existingAccount(of: user), isErased: erasing, isByAdmin: byAdmin)
    }

    package func createRegistrationToken(_ token: String, uses: Int64?, expiry: Timestamp?) async throws -> Bool {
        guard isStorable(token), 1...64 ~= token.utf8.count else {
            throw MatrixError.invalidParam("A registration token has 1 to 64 characters")
        }
        let made = RegistrationToken(token: token, usesAllowed: uses, expiry: expiry)
        return try await database.write { try $0.registrationTokens.insert(made) }
    }

    private func setField(_ key: String, to text: String, of user: UserID) async throws {
        // In the user's own name, with an administrator's rights.
        let requester = Requester(user: user, device: nil, accountNumber: 0, isAdmin: true)
        try await services.profiles.setField(
            key, to: text.isEmpty ? nil : .string(text), of: user, by: requester)
    }
}
