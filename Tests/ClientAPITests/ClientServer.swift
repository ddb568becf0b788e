import AdminAPI
import ClientAPI
import Homeserver
import Logging
import MatrixCore
import SQLEngine
import Storage
import TestSupport
import WebServer

/// A server's services over an empty database, composed as the application does, without HTTP.
struct ClientServer: Sendable {
    let client: ClientServices
    let sharedSecret: SharedSecretRegistration

    /// Everything that is served.
    var groups: [any EndpointGroup] {
        endpoints(for: client) + [
            Register(registration: sharedSecret), ServerVersion(version: "0"),
            AdminAPI.AccountValidity(renewal: client.accounts.renewal),
        ]
    }

    init(_ database: any Database, configure: (inout RoomSettings) -> Void = { _ in }) async throws {
        let name = ServerName(trusted: "example.org")
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let limits = RateLimiter(settings: .unlimited)
        var settings = RoomSettings(serverName: name)
        configure(&settings)

        let registry = ModuleRegistry(runner: CallbackRunner(log: log), log: log)
        let tokens = AccessTokenService(
            database: database, time: .system, random: .system, lastSeen: LastSeenRecorder(database: database),
            modules: registry)
        let accounts = AccountService(
            database: database, settings: AccountSettings(serverName: name), tokens: tokens,
            passwords: PasswordHasher(rounds: 4, pepper: ""), limits: limits, modules: registry)
        let credentials = CredentialService(accounts: accounts, modules: registry, limits: limits)
        let interactiveAuth = UserInteractiveAuth(
            database: database, settings: AccountSettings(serverName: name), credentials: credentials,
            stages: [DummyStage()])
        sharedSecret = SharedSecretRegistration(accounts: accounts)

        let caches = StorageCaches(serverName: name)
        let stream = EventStream(database: database, caches: caches)
        try await stream.start()
        guard let key = SigningKey(seed: [UInt8](repeating: 7, count: 32), version: "test") else { throw NoKey() }
        let sender = EventSender(
            database: database, states: RoomStates(database: database, caches: caches), writers: RoomWriters(),
            composer: EventComposer(serverName: name, key: key, time: .system), modules: registry, stream: stream)
        let memberships = MembershipService(
            database: database, sender: sender, stream: stream, modules: registry, limiter: limits, settings: settings)
        client = ClientServices(
            accounts: .init(
                accounts: accounts,
                logins: LoginService(
                    accounts: accounts, credentials: credentials, loginTokens: LoginTokenService(database: database),
                    limits: limits, modules: registry),
                registration: RegistrationService(
                    database: database, accounts: accounts, interactiveAuth: interactiveAuth, limits: limits,
                    modules: registry),
                interactiveAuth: interactiveAuth,
                devices: DeviceService(
                    database: database, tokens: tokens, lastSeen: LastSeenRecorder(database: database)),
                profiles: ProfileService(
                    database: database, settings: ProfileSettings(serverName: name), modules: registry,
                    observer: memberships),
                passwords: PasswordChange(accounts: accounts, interactiveAuth: interactiveAuth),
                deactivation: DeactivationService(
                    database: database, tokens: tokens, memberships: memberships, stream: stream,
                    states: sender.states, modules: registry),
                renewal: AccountRenewalService(modules: registry)),
            rooms: .init(
                creation: RoomCreation(
                    database: database, sender: sender, memberships: memberships, modules: registry, limiter: limits,
                    random: .system, settings: settings),
                rooms: RoomService(sender: sender, memberships: memberships, limiter: limits),
                memberships: memberships,
                reader: RoomReader(
                    database: database, states: sender.states, stream: stream, time: .system, modules: registry),
                directory: RoomDirectory(database: database, sender: sender, stream: stream, settings: settings),
                sync: SyncService(
                    database: database, caches: caches, stream: stream, timeouts: TimeoutWheel(), time: .system,
                    settings: settings, modules: registry),
                filters: FilterService(database: database),
                accountData: AccountDataService(database: database, stream: stream, modules: registry)),
            discovery: ClientDiscovery())
    }

    private struct NoKey: Error {}
}

/// Runs `body` on the endpoints of a server over an empty database.
func withEndpoints(
    configure: (inout RoomSettings) -> Void = { _ in }, _ body: ([Endpoint]) throws -> Void
) async throws {
    try await withTemporaryDatabase(.sqlite) { database in
        try await migrate(database, Schema.migrations)
        let server = try await ClientServer(database, configure: configure)
        try body(server.groups.flatMap(\.endpoints))
    }
}
