public import MatrixCore
public import ModuleAPI
import Synchronization

/// Users in memory.
public final class TestUsers: ModuleUsers {
    /// A user and what belongs to them.
    public struct Account: Sendable {
        public var info: UserInfo
        public var profile: UserProfile
        public var threepids: [Threepid] = []
        public var sightings: [UserSighting] = []
        public var externalIDs: [ExternalID] = []
        public var rateLimit: UserRateLimit?
        /// The devices by access token; a device that a module makes has the token `token1` and so on.
        public var tokens: [String: DeviceID] = [:]

        public init(_ user: UserID, displayName: String? = nil) {
            info = UserInfo(user: user, createdAt: Timestamp(milliseconds: 1_700_000_000_000))
            profile = UserProfile(displayName: displayName)
        }
    }

    private struct State {
        var accounts: [UserID: Account] = [:]
        var lastToken = 0
    }

    private let serverName: ServerName
    private let contents = Mutex(State())

    init(serverName: ServerName) { self.serverName = serverName }

    // MARK: For the test

    /// Adds or replaces users.
    public func add(_ accounts: Account...) {
        contents.withLock { state in for account in accounts { state.accounts[account.info.user] = account } }
    }

    /// A user as modules left them; `nil` if there is none.
    public subscript(user: UserID) -> Account? { contents.withLock { $0.accounts[user] } }

    // MARK: Looking up

    public func info(of user: UserID) async throws -> UserInfo? { self[user]?.info }

    public func requester(
        forToken token: String?, allowGuest: Bool, allowExpired: Bool, address: String?, userAgent: String?
    ) async throws -> Requester {
        guard let token else {
            throw MatrixError(status: 401, code: .missingToken, message: "Missing access token")
        }
        guard let account = contents.withLock({ $0.accounts.values.first { $0.tokens[token] != nil } }) else {
            throw MatrixError(status: 401, code: .unknownToken, message: "Unrecognised access token")
        }
        guard allowGuest || !account.info.isGuest else {
            throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access not allowed")
        }
        return Requester(
            user: account.info.user, device: account.tokens[token], accountNumber: 1, isGuest: account.info.isGuest,
            isAdmin: account.info.isAdmin, isShadowBanned: account.info.isShadowBanned)
    }

    public func existing(_ user: UserID) async throws -> UserID? {
        contents.withLock { state in
            if state.accounts[user] != nil { return user }
            let similar = state.accounts.keys.filter {
                $0.string.lowercased().hasSameBytes(as: user.string.lowercased())
            }
            return similar.count == 1 ? similar.first : nil
        }
    }

    public func profile(of user: UserID) async throws -> UserProfile? { self[user]?.profile }
    public func threepids(of user: UserID) async throws -> [Threepid] { self[user]?.threepids ?? [] }

    public func sightings(of user: UserID, since: Timestamp) async throws -> [UserSighting] {
        (self[user]?.sightings ?? []).filter { $0.lastSeen >= since }
    }

    public func user(knownTo provider: String, as externalID: String) async throws -> UserID? {
        let wanted = ExternalID(provider: provider, id: externalID)
        return contents.withLock { $0.accounts.first { $0.value.externalIDs.contains(wanted) }?.key }
    }

    public func externalIDs(of user: UserID) async throws -> [ExternalID] { self[user]?.externalIDs ?? [] }

    // MARK: Registering

    public func checkUsername(_ localpart: String) async throws { _ = try newUserID(localpart) }

    public func register(_ user: NewUser) async throws -> UserID {
        let id = try newUserID(user.localpart)
        var account = Account(id, displayName: user.displayName ?? user.localpart)
        account.info.isAdmin = user.isAdmin
        account.threepids = user.emails.map { address in
            Threepid(
                medium: "email", address: address, validatedAt: account.info.createdAt,
                addedAt: account.info.createdAt)
        }
        contents.withLock { $0.accounts[id] = account }
        return id
    }

    private func newUserID(_ localpart: String) throws -> UserID {
        guard UserID.isValidLocalpart(localpart), let id = UserID(localpart: localpart, server: serverName) else {
            throw MatrixError(
                status: 400, code: .invalidUsername,
                message: "User ID can only contain characters a-z, 0-9, or '=_-./+'")
        }
        guard self[id] == nil else {
            throw MatrixError(status: 400, code: .userInUse, message: "User ID already taken.")
        }
        return id
    }

    public func registerDevice(
        of user: UserID, device: DeviceID?, displayName: String?
    ) async throws -> DeviceLogin {
        contents.withLock { state in
            state.lastToken += 1
            let login = DeviceLogin(
                device: device ?? DeviceID("DEVICE\(state.lastToken)"), accessToken: "token\(state.lastToken)")
            if var account = state.accounts[user] {
                account.tokens = account.tokens.filter { $0.value != login.device }
                account.tokens[login.accessToken] = login.device
                state.accounts[user] = account
            }
            return login
        }
    }

    public func record(_ externalID: ExternalID, for user: UserID) async throws {
        if let other = try await self.user(knownTo: externalID.provider, as: externalID.id) {
            guard other == user else { throw ModuleError.externalIDInUse }
            return
        }
        try change(user) { $0.externalIDs.append(externalID) }
    }

    // MARK: Tokens

    public func createLoginToken(
        for user: UserID, lifetime: Duration, providerID: String?, providerSessionID: String?
    ) async throws -> String {
        contents.withLock { state in
            state.lastToken += 1
            return "login\(state.lastToken)"
        }
    }

    public func invalidate(accessToken: String) async throws {
        let user = contents.withLock { $0.accounts.first { $0.value.tokens[accessToken] != nil }?.key }
        guard let user else {
            throw MatrixError(status: 401, code: .unknownToken, message: "Unrecognised access token")
        }
        try change(user) { $0.tokens[accessToken] = nil }
    }

    // MARK: Changing

    public func setAdmin(_ isAdmin: Bool, _ user: UserID) async throws {
        try change(user) { $0.info.isAdmin = isAdmin }
    }

    public func setDisplayName(_ name: String, of user: UserID) async throws {
        try change(user) { $0.profile.displayName = name.isEmpty ? nil : name }
    }

    public func setAvatar(_ url: String, of user: UserID) async throws {
        try change(user) { $0.profile.avatarURL = url.isEmpty ? nil : url }
    }

    public func rateLimit(of user: UserID) async throws -> UserRateLimit? { self[user]?.rateLimit }

    public func setRateLimit(_ limit: UserRateLimit?, of user: UserID) async throws {
        try change(user) { $0.rateLimit = limit }
    }

    private func change(_ user: UserID, _ body: @Sendable (inout Account) -> Void) throws {
        guard user.server == serverName else {
            throw MatrixError(status: 400, code: .unknown, message: "User is not hosted on this homeserver")
        }
        try contents.withLock { state in
            guard var account = state.accounts[user] else { throw MatrixError.notFound("No such user") }
            body(&account)
            state.accounts[user] = account
        }
    }
}
