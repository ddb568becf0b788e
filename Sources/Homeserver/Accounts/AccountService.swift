package import MatrixCore
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
    private let time: TimeSource
    private let random: RandomSource
    private let observer: (any AccountObserver)?

    package init(
        database: any Database, settings: AccountSettings, tokens: AccessTokenService, passwords: PasswordHasher,
        limits: RateLimiter, time: TimeSource = .system, random: RandomSource = .system,
        observer: (any AccountObserver)? = nil
    ) {
        self.database = database
        self.settings = settings
        self.tokens = tokens
        self.passwords = passwords
        self.limits = limits
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
    /// - Throws: What ``checkUsername(_:ignoringUse:)`` throws.
    package func register(_ registration: NewRegistration) async throws -> RegisteredAccount {
        if let localpart = registration.localpart {
            try await checkUsername(localpart)
        }
        if let device = registration.device { try device.validate() }
        let plan = LoginPlan(registration.device, settings: settings, tokens: tokens, random: random, at: time.now())
        let (settings, now) = (settings, time.now())
        let account = try await database.write { transaction -> Account in
            let user = try Self.user(for: registration.localpart, settings.serverName, transaction)
            if try transaction.accounts.isTaken(user) { throw MatrixError.userInUse }
            var new = NewAccount(user: user, createdAt: now)
            new.passwordHash = registration.passwordHash
            new.isGuest = registration.isGuest
            new.isAdmin = registration.isAdmin
            new.userType = registration.userType ?? settings.defaultUserType
            guard let account = try transaction.accounts.insert(new) else { throw MatrixError.userInUse }
            let displayName = registration.displayName ?? (registration.isGuest ? nil : user.localpart)
            try transaction.profiles.set(UserProfile(displayName: displayName), ofAccount: account.number)
            if let plan { _ = try plan.carryOut(for: account.number, transaction) }
            if let session = registration.session {
                try Self.finish(session, registered: user, transaction)
            }
            return account
        }
        await observer?.accountCreated(account.user, isGuest: account.isGuest)
        return RegisteredAccount(user: account.user, login: plan.map { $0.login(of: account) })
    }

    /// Hashes a new password.
    /// - Throws: 400 if it is not acceptable; 429 if the server is hashing too many.
    package func hash(newPassword password: String) async throws -> String {
        guard password.unicodeScalars.count <= PasswordHasher.maximumLength else { throw MatrixError.invalidPassword }
        return try await passwords.hash(password)
    }

    // MARK: Logging in

    /// Finds the account of someone who says who they are and gives a password.
    ///
    /// - Throws: 403 `M_FORBIDDEN` "Invalid username or password", whatever of the two is wrong; 403
    ///   `M_USER_DEACTIVATED`; 429 after too many failures for one user ID.
    package func authenticate(_ identifier: UserIdentifier, password: String) async throws -> Account {
        guard settings.isPasswordLoginEnabled else {
            throw MatrixError(status: 400, code: .unknown, message: "Password login has been disabled.")
        }
        let user = identifier.userID(on: settings.serverName)
        let key = asciiLowercased(user?.string ?? identifier.description)
        try limits.peek(.loginFailedAttempts, key: key)
        let account = try await candidate(for: user)
        let isRight = try await passwords.verify(password, against: account?.passwordHash)
        guard let account, isRight else {
            try limits.check(.loginFailedAttempts, key: key)
            if let account, account.isDeactivated { throw MatrixError.userDeactivated }
            throw MatrixError.wrongPassword
        }
        if account.isDeactivated { throw MatrixError.userDeactivated }
        return account
    }

    /// Logs a user in: gives them a device, if they name none that exists, and an access token for it.
    ///
    /// The device's earlier access tokens end.
    /// - Throws: 400 for a device ID or name that is too long; 429 after too many logins.
    package func logIn(_ account: Account, device: DeviceRequest) async throws -> Login {
        try device.validate()
        try limits.check(.loginAccount, key: asciiLowercased(account.user.string))
        guard
            let plan = LoginPlan(device, settings: settings, tokens: tokens, random: random, at: time.now())
        else { throw MatrixError.internalError }
        let tokens = tokens
        try await database.write { transaction in
            let isNewDevice = try plan.carryOut(for: account.number, transaction)
            guard !isNewDevice else { return }
            transaction.onCommit { tokens.forget(account: account.number, devices: [plan.device]) }
        }
        return plan.login(of: account)
    }

    /// The account of a user ID on this server; `nil` if there is none.
    package func account(of user: UserID) async throws -> Account? {
        try await database.read { try $0.accounts.account(of: user) }
    }

    /// Ends an account for good: its devices, tokens, password and profile go, its user ID stays taken.
    package func deactivate(_ account: Int64) async throws {
        let tokens = tokens
        try await database.write { transaction in
            try transaction.accounts.deactivate(account)
            try transaction.accessTokens.deleteAll(of: account)
            _ = try transaction.devices.deleteAll(of: account)
            try transaction.profiles.delete(ofAccount: account)
            transaction.onCommit { tokens.forget(account: account) }
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

    /// The account a user ID means: the very one, or if there is only one that differs in case, that.
    private func candidate(for user: UserID?) async throws -> Account? {
        guard let user else { return nil }
        return try await database.read { transaction in
            if let account = try transaction.accounts.account(of: user) { return account }
            let similar = try transaction.accounts.accounts(ignoringCaseOf: user)
            return similar.count == 1 ? similar.first : nil
        }
    }
}

/// The names under which a user-interactive session remembers things about a registration.
enum SessionData {
    static let registeredUser = "registered_user_id"
    static let registrationToken = "registration_token"
    static let passwordHash = "password_hash"
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
