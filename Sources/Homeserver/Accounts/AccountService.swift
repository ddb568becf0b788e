package import MatrixCore
import ModuleAPI
package import SQLEngine
package import Storage

/// Is told of new accounts, to let them join rooms for instance.
package protocol AccountObserver: Sendable {
    func accountCreated(_ user: UserID, isGuest: Bool) async
}

/// The accounts on this server: making them, and finding out who someone is.
package final class AccountService: Sendable {
    package let settings: AccountSettings
    private let database: any Database
    private let tokens: AccessTokenService
    private let passwords: PasswordHasher
    private let limits: RateLimiter
    private let modules: ModuleRegistry
    private let time: TimeSource
    private let random: RandomSource
    private let observer: (any AccountObserver)?

    package init(
        database: any Database, settings: AccountSettings, tokens: AccessTokenService, passwords: PasswordHasher,
        limits: RateLimiter, modules: ModuleRegistry, time: TimeSource = .system, random: RandomSource = .system,
        observer: (any AccountObserver)? = nil
    ) {
        self.database = database
        self.settings = settings
        self.tokens = tokens
        self.passwords = passwords
        self.limits = limits
        self.modules = modules
        self.time = time
        self.random = random
        self.observer = observer
    }

    // MARK: Making accounts

    /// Checks that a new user may have this localpart.
    ///
    /// - Parameter ignoringUse: Leaves out whether it is taken.
    /// - Throws: 400 `M_INVALID_USERNAME`, `M_EXCLUSIVE` or `M_USER_IN_USE`.
    package func checkUsername(_ localpart: String, ignoringUse: Bool = false) async throws {
        let user = try validUsername(localpart)
        if !ignoringUse, try await database.read({ try $0.accounts.isTaken(user) }) { throw MatrixError.userInUse }
        if localpart.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            throw MatrixError.invalidUsername("Numeric user IDs are reserved for guest users.")
        }
    }

    /// Makes an account, and logs it in if asked to.
    ///
    /// Modules may refuse it, and are told of it.
    /// - Throws: What ``checkUsername(_:ignoringUse:)`` throws; 429 if a module refuses it. If a module throws once it knows
    ///   of the account, the account exists nevertheless.
    package func register(_ registration: NewRegistration) async throws -> RegisteredAccount {
        let isShadowBanned = try await checkForSpam(registration)
        if let localpart = registration.localpart {
            try await checkUsername(localpart)
        }
        if let device = registration.device { try device.validate() }
        let account = try await insert(registration, isShadowBanned: isShadowBanned)
        try await modules.onUserRegistration(account.user)
        await observer?.accountCreated(account.user, isGuest: account.isGuest)
        await tellOfEmails(registration.emails, of: account.user)
        guard let device = registration.device else { return RegisteredAccount(user: account.user, login: nil) }
        return RegisteredAccount(user: account.user, login: try await openSession(account, device: device))
    }

    /// Asks modules about a registration.
    /// - Returns: Whether the account is to be shadow-banned.
    private func checkForSpam(_ registration: NewRegistration) async throws -> Bool {
        guard modules.has(.checkRegistrationForSpam) else { return false }
        let email = registration.emails.first.map { ThreepidAddress(medium: "email", address: $0) }
        let attempt = RegistrationAttempt(
            email: email, emailValidatedAt: email.map { _ in time.now() }, username: registration.localpart,
            origins: registration.sources.map(\.origin),
            authProviderID: registration.authProvider)
        return try await modules.checkRegistrationForSpam(attempt)
    }

    private func insert(_ registration: NewRegistration, isShadowBanned: Bool) async throws -> Account {
        let (settings, now) = (settings, time.now())
        return try await database.write { transaction -> Account in
            let user = try Self.user(for: registration.localpart, settings.serverName, transaction)
            if try transaction.accounts.isTaken(user) { throw MatrixError.userInUse }
            var new = NewAccount(user: user, createdAt: now)
            new.passwordHash = registration.passwordHash
            new.isGuest = registration.isGuest
            new.isAdmin = registration.isAdmin
            new.isShadowBanned = isShadowBanned
            new.userType = registration.userType ?? settings.defaultUserType
            guard let account = try transaction.accounts.insert(new) else { throw MatrixError.userInUse }
            let displayName = registration.displayName ?? (registration.isGuest ? nil : user.localpart)
            try transaction.profiles.set(Storage.UserProfile(displayName: displayName), ofAccount: account.number)
            for email in registration.emails {
                try transaction.threepids.set(
                    StoredThreepid(medium: "email", address: email, validatedAt: now, addedAt: now),
                    of: account.number)
            }
            if let session = registration.session {
                try Self.finish(session, registered: user, transaction)
            }
            return account
        }
    }

    private func tellOfEmails(_ emails: [String], of user: UserID) async {
        for email in emails {
            await modules.onAddUserThirdPartyIdentifier(user, ThreepidAddress(medium: "email", address: email))
        }
    }

    /// Hashes a new password.
    /// - Throws: 400 if it is not acceptable; 429 if the server is hashing too many.
    package func hash(newPassword password: String) async throws -> String {
        guard password.unicodeScalars.count <= PasswordHasher.maximumLength else { throw MatrixError.invalidPassword }
        return try await passwords.hash(password)
    }

    // MARK: Logging in

    /// The account of `user` if this is its password kept here; `nil` if it is not, or there is no such account.
    ///
    /// Takes as long for an account there is not.
    /// - Throws: 403 `M_USER_DEACTIVATED`.
    func account(of user: UserID?, withPassword password: String) async throws -> Account? {
        let account = try await user.asyncFlatMap { try await self.account(like: $0) }
        let isRight = try await passwords.verify(password, against: account?.passwordHash)
        guard let account else { return nil }
        if account.isDeactivated { throw MatrixError.userDeactivated }
        return isRight ? account : nil
    }

    /// Logs a user in: gives them a device, if they name none that exists, and an access token for it.
    ///
    /// The device's earlier access tokens end. Modules are not asked; ``LoginService`` does that.
    /// - Throws: 400 for a device ID or name that is too long; 429 after too many logins.
    package func logIn(_ account: Account, device: DeviceRequest) async throws -> Login {
        try device.validate()
        try limits.check(.loginAccount, key: asciiLowercased(account.user.string))
        return try await openSession(account, device: device)
    }

    /// As ``logIn(_:device:)``, however often it is done.
    func openSession(_ account: Account, device: DeviceRequest) async throws -> Login {
        try device.validate()
        guard
            let plan = LoginPlan(device, settings: settings, tokens: tokens, random: random, at: time.now())
        else { throw MatrixError.internalError }
        let tokens = tokens
        let ended = try await database.write { transaction -> [EndedToken] in
            guard let ended = try plan.carryOut(for: account.number, transaction) else { return [] }
            transaction.onCommit { tokens.forget(account: account.number, devices: [plan.device]) }
            return ended
        }
        await tokens.tellModules(of: ended, of: account.user)
        return plan.login(of: account)
    }

    /// Makes a user an administrator, or an ordinary user.
    package func setAdmin(_ isAdmin: Bool, of account: Account) async throws {
        let (tokens, number) = (tokens, account.number)
        try await database.write { transaction in
            try transaction.accounts.setAdmin(isAdmin, of: number)
            transaction.onCommit { tokens.forget(account: number) }
        }
    }

    /// Replaces a password.
    /// - Parameters:
    ///   - requester: Whose request it is: their own device and token stay.
    ///   - endsOtherSessions: Whether all other devices and tokens end.
    package func setPasswordHash(
        _ hash: String, of requester: Requester, endsOtherSessions: Bool
    ) async throws {
        let (tokens, account) = (tokens, requester.accountNumber)
        let ended = try await database.write { transaction -> [EndedToken] in
            try transaction.accounts.setPasswordHash(hash, of: account)
            guard endsOtherSessions else { return [] }
            _ = try transaction.devices.deleteAll(of: account, except: requester.device)
            transaction.onCommit { tokens.forget(account: account) }
            return try transaction.accessTokens.deleteAll(of: account, except: requester.tokenNumber)
        }
        await tokens.tellModules(of: ended, of: requester.user)
    }

    /// The account of a user ID on this server; `nil` if there is none.
    package func account(of user: UserID) async throws -> Account? {
        try await database.read { try $0.accounts.account(of: user) }
    }

    /// The account a user ID means: the very one, or if there is only one that differs in ASCII case, that.
    package func account(like user: UserID) async throws -> Account? {
        try await database.read { transaction in
            if let account = try transaction.accounts.account(of: user) { return account }
            let similar = try transaction.accounts.accounts(ignoringCaseOf: user)
            return similar.count == 1 ? similar.first : nil
        }
    }

    /// The account an address belongs to.
    func account(of threepid: ThreepidAddress) async throws -> Account? {
        guard !threepid.address.utf8.contains(0), !threepid.medium.utf8.contains(0) else { return nil }
        return try await database.read {
            try $0.threepids.account(medium: threepid.medium, address: threepid.address)
        }
    }

    /// A user's addresses, in the order they were added.
    package func threepids(of account: Int64) async throws -> [UserAddress] {
        try await database.read { try $0.threepids.threepids(of: account) }.map { threepid in
            UserAddress(
                medium: threepid.medium, address: threepid.address, validatedAt: threepid.validatedAt,
                addedAt: threepid.addedAt)
        }
    }

    // MARK: Parts

    private func validUsername(_ localpart: String) throws(MatrixError) -> UserID {
        if localpart.isEmpty { throw .invalidUsername("User ID cannot be empty") }
        guard UserID.isValidLocalpart(localpart) else {
            throw .invalidUsername("User ID can only contain characters a-z, 0-9, or '=_-./+'")
        }
        if localpart.utf8.first == UInt8(ascii: "_"), !settings.allowsUnderscorePrefix {
            throw .invalidUsername("User ID may not begin with _")
        }
        guard let user = UserID(localpart: localpart, server: settings.serverName) else {
            throw .invalidUsername("User ID may not be longer than 255 characters")
        }
        if settings.isReserved(user) {
            throw MatrixError(
                status: 400, code: .exclusive, message: "This user ID is reserved by an application service.")
        }
        return user
    }

    private static func user(
        for localpart: String?, _ server: ServerName, _ transaction: Transaction
    ) throws -> UserID {
        if let localpart, let user = UserID(localpart: localpart, server: server) { return user }
        var number = try transaction.accounts.unusedNumber()
        while true {
            guard let user = UserID(localpart: String(number), server: server) else { throw MatrixError.internalError }
            if try !transaction.accounts.isTaken(user) { return user }
            number += 1
        }
    }

    /// Notes in the session of a registration that it is finished, so that a retry finds the account.
    private static func finish(_ session: String, registered user: UserID, _ transaction: Transaction) throws {
        guard var data = try transaction.interactiveAuth.session(session)?.data else { return }
        if let token = data.string(SessionData.registrationToken) {
            try transaction.registrationTokens.complete(token)
        }
        data[SessionData.registrationToken] = nil
        data[SessionData.passwordHash] = nil
        data[SessionData.registeredUser] = .string(user.string)
        try transaction.interactiveAuth.setData(data, of: session)
    }
}

extension Optional where Wrapped: Sendable {
    func asyncFlatMap<Value>(_ transform: (Wrapped) async throws -> Value?) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

/// An address that a user has shown to own.
package struct UserAddress: Hashable, Sendable {
    /// `email` or `msisdn`.
    package let medium: String
    package let address: String
    package let validatedAt: Timestamp
    package let addedAt: Timestamp
}

/// The names under which a user-interactive session remembers things about a registration.
enum SessionData {
    static let registeredUser = "registered_user_id"
    static let registrationToken = "registration_token"
    static let passwordHash = "password_hash"
    /// Where the first request came from.
    static let source = "source"
}

extension MatrixError {
    static func invalidUsername(_ message: String) -> MatrixError {
        MatrixError(status: 400, code: .invalidUsername, message: message)
    }
    static let userInUse = MatrixError(status: 400, code: .userInUse, message: "User ID already taken.")
    static let wrongPassword = MatrixError.forbidden("Invalid username or password")
    static let userDeactivated = MatrixError(
        status: 403, code: .userDeactivated, message: "This account has been deactivated")
}

/// The text with ASCII letters made small; others stay, as user IDs know no other case.
func asciiLowercased(_ text: String) -> String {
    String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
}
