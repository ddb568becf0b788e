import Homeserver
import MatrixCore
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

/// The account services over an empty database.
struct AccountServer: Sendable {
    let database: any Database
    let time = ManualTime()
    let lastSeen: LastSeenRecorder
    let tokens: AccessTokenService
    let accounts: AccountService
    let interactiveAuth: UserInteractiveAuth
    let registration: RegistrationService
    let devices: DeviceService
    let filters: FilterService
    let sharedSecret: SharedSecretRegistration

    init(
        _ database: any Database, limits: RateLimitSettings = .unlimited,
        _ configure: (inout AccountSettings) -> Void = { _ in }
    ) {
        self.database = database
        var settings = AccountSettings(serverName: ServerName(trusted: "example.org"))
        settings.isRegistrationEnabled = true
        settings.registrationSharedSecret = "secret"
        configure(&settings)
        let limiter = RateLimiter(settings: limits, time: time.source)
        lastSeen = LastSeenRecorder(database: database)
        tokens = AccessTokenService(database: database, time: time.source, random: .system, lastSeen: lastSeen)
        accounts = AccountService(
            database: database, settings: settings, tokens: tokens,
            passwords: PasswordHasher(rounds: 4, pepper: "pepper"), limits: limiter, time: time.source)
        interactiveAuth = UserInteractiveAuth(
            database: database, settings: settings,
            stages: [
                DummyStage(), PasswordStage(accounts: accounts),
                RegistrationTokenStage(database: database, time: time.source),
            ],
            time: time.source)
        registration = RegistrationService(
            database: database, accounts: accounts, interactiveAuth: interactiveAuth, limits: limiter,
            time: time.source)
        devices = DeviceService(database: database, tokens: tokens, lastSeen: lastSeen)
        filters = FilterService(database: database)
        sharedSecret = SharedSecretRegistration(accounts: accounts, time: time.source)
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
        try await registration.register(body, uri: "/register", address: "192.0.2.1")
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
        async throws -> Login
    {
        try await accounts.logIn(accounts.authenticate(.user(name), password: password), device: device)
    }
}

/// Passes account services over an empty database of this engine.
func withAccounts(
    _ engine: Engine, limits: RateLimitSettings = .unlimited,
    configure: (inout AccountSettings) -> Void = { _ in }, _ body: (AccountServer) async throws -> Void
) async throws {
    try await withTemporaryDatabase(engine) { database in
        try await migrate(database, Schema.migrations)
        try await body(AccountServer(database, limits: limits, configure))
    }
}

/// The error of a request that must be refused.
func refusal(_ body: () async throws -> Void) async throws -> MatrixError {
    do {
        try await body()
    } catch let error as any MatrixErrorConvertible {
        return error.matrixError
    }
    throw NotRefused()
}

struct NotRefused: Error {}
