import Homeserver
import Logging
import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import Synchronization
import TestSupport

/// A clock that only moves when told to.
final class ManualTime: Sendable {
    private let milliseconds = Mutex<Int64>(1_700_000_000_000)

    var source: TimeSource { TimeSource { [self] in now } }
    var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }

    func advance(by duration: Duration) { milliseconds.withLock { $0 += duration.milliseconds } }
}

/// The account services over an empty database, and rooms as far as accounts need them.
struct AccountServer: Sendable {
    let database: any Database
    let time = ManualTime()
    let modules: ModuleRegistry
    let limiter: RateLimiter
    let lastSeen: LastSeenRecorder
    let tokens: AccessTokenService
    let accounts: AccountService
    let loginTokens: LoginTokenService
    let logins: LoginService
    let passwords: PasswordChange
    let profiles: ProfileService
    let deactivation: DeactivationService
    let creation: RoomCreation
    let memberships: MembershipService
    let interactiveAuth: UserInteractiveAuth
    let registration: RegistrationService
    let devices: DeviceService
    let filters: FilterService
    let sharedSecret: SharedSecretRegistration

    init(
        _ database: any Database, limits: RateLimitSettings = .unlimited,
        _ configure: (inout AccountSettings) -> Void = { _ in }
    ) async throws {
        self.database = database
        var settings = AccountSettings(serverName: ServerName(trusted: "example.org"))
        settings.isRegistrationEnabled = true
        settings.registrationSharedSecret = "secret"
        configure(&settings)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        modules = ModuleRegistry(runner: CallbackRunner(log: log), log: log)
        limiter = RateLimiter(settings: limits, time: time.source)
        lastSeen = LastSeenRecorder(database: database)
        tokens = AccessTokenService(
            database: database, time: time.source, random: .system, lastSeen: lastSeen, modules: modules,
            recovery: TokenRecovery(secret: [UInt8](repeating: 5, count: 32)))
        accounts = AccountService(
            database: database, settings: settings, tokens: tokens,
            passwords: PasswordHasher(rounds: 4, pepper: "pepper"), limits: limiter, modules: modules, time: time.source
        )
        let credentials = CredentialService(accounts: accounts, modules: modules, limits: limiter)
        loginTokens = LoginTokenService(database: database, time: time.source)
        logins = LoginService(
            accounts: accounts, credentials: credentials, loginTokens: loginTokens, limits: limiter, modules: modules)
        interactiveAuth = UserInteractiveAuth(
            database: database, settings: settings, credentials: credentials,
            stages: [DummyStage(), RegistrationTokenStage(database: database, time: time.source)],
            time: time.source)
        passwords = PasswordChange(accounts: accounts, interactiveAuth: interactiveAuth)
        registration = RegistrationService(
            database: database, accounts: accounts, interactiveAuth: interactiveAuth, limits: limiter,
            modules: modules, time: time.source)
        devices = DeviceService(database: database, tokens: tokens, lastSeen: lastSeen)
        filters = FilterService(database: database)
        sharedSecret = SharedSecretRegistration(accounts: accounts, time: time.source)

        let caches = StorageCaches(serverName: settings.serverName)
        let stream = EventStream(database: database, caches: caches)
        try await stream.start()
        guard let key = SigningKey(seed: [UInt8](repeating: 7, count: 32), version: "test") else { throw NotRefused() }
        let sender = EventSender(
            database: database, states: RoomStates(database: database, caches: caches), writers: RoomWriters(),
            composer: EventComposer(serverName: settings.serverName, key: key, time: time.source), modules: modules,
            stream: stream)
        let rooms = RoomSettings(serverName: settings.serverName)
        memberships = MembershipService(
            database: database, sender: sender, stream: stream, modules: modules, limiter: limiter, settings: rooms)
        creation = RoomCreation(
            database: database, sender: sender, memberships: memberships, modules: modules, limiter: limiter,
            random: .system, settings: rooms)
        profiles = ProfileService(
            database: database, settings: ProfileSettings(serverName: settings.serverName), modules: modules,
            observer: memberships)
        deactivation = DeactivationService(
            database: database, tokens: tokens, memberships: memberships, stream: stream, states: sender.states,
            modules: modules)
    }

    /// Registers a user with the password `correct horse`.
    @discardableResult
    func register(_ localpart: String, device: DeviceRequest? = DeviceRequest()) async throws -> RegisteredAccount {
        var new = NewRegistration(localpart: localpart)
        new.passwordHash = try await accounts.hash(newPassword: "correct horse")
        new.device = device
        return try await accounts.register(new)
    }

    /// Registers as a client does.
    func register(_ body: JSONObject) async throws -> RegistrationOutcome {
        try await registration.register(
            body, uri: "/register", source: RequestSource(address: "192.0.2.1", userAgent: "test"))
    }

    func requester(_ token: String, from address: String = "192.0.2.1") async throws -> Requester {
        try await tokens.requester(forToken: token, address: address, userAgent: "test")
    }

    /// Registers a user and returns whom their token stands for.
    func newUser(_ localpart: String) async throws -> Requester {
        let account = try await register(localpart)
        guard let login = account.login else { throw NotRefused() }
        return try await requester(login.accessToken)
    }

    func logIn(_ name: String, _ password: String = "correct horse", device: DeviceRequest = DeviceRequest())
        async throws -> Session
    {
        var body: JSONObject = [
            "type": "m.login.password", "identifier": ["type": "m.id.user", "user": .string(name)],
            "password": .string(password),
        ]
        if let id = device.id { body["device_id"] = .string(id.string) }
        if let name = device.displayName { body["initial_device_display_name"] = .string(name) }
        return Session(try await logIn(body))
    }

    /// Logs in as a client does.
    func logIn(_ body: JSONObject) async throws -> JSONObject {
        try await logins.logIn(body, from: RequestSource(address: "192.0.2.1", userAgent: "test"))
    }

    /// Ends an account, and waits until its user has left their rooms.
    func deactivate(_ requester: Requester, isErased: Bool = false) async throws {
        guard let account = try await accounts.account(of: requester.user) else { throw NotRefused() }
        try await deactivation.deactivate(account, isErased: isErased)
        await deactivation.leaveRooms()
    }

    /// What modules are given.
    var usersForModules: UsersForModules {
        UsersForModules(
            database: database,
            services: .init(
                accounts: accounts, tokens: tokens, loginTokens: loginTokens, devices: devices, profiles: profiles,
                limits: limiter, deactivation: deactivation))
    }
}

/// What a login gave.
struct Session {
    let user: UserID
    let device: DeviceID
    let accessToken: String

    init(_ answer: JSONObject) {
        user = UserID(trusted: answer.string("user_id") ?? "")
        device = DeviceID(answer.string("device_id") ?? "")
        accessToken = answer.string("access_token") ?? ""
    }
}

/// Passes account services over an empty database of this engine.
func withAccounts(
    _ engine: Engine, limits: RateLimitSettings = .unlimited,
    configure: (inout AccountSettings) -> Void = { _ in }, _ body: (AccountServer) async throws -> Void
) async throws {
    try await withTemporaryDatabase(engine) { database in
        try await migrate(database, Schema.migrations)
        try await body(try await AccountServer(database, limits: limits, configure))
    }
}

/// The error of a request that must be refused.
func errorOfRefusal(_ body: () async throws -> Void) async throws -> MatrixError {
    do {
        try await body()
    } catch let error as any MatrixErrorConvertible {
        return error.matrixError
    }
    throw NotRefused()
}

struct NotRefused: Error {}
