import Homeserver
import Logging
import MatrixCore
import SQLEngine
import ServerConfiguration
import ServerMetrics
import Storage

/// Everything the server consists of below its APIs, built bottom-up.
struct Services: Sendable {
    let database: any Database
    let caches: StorageCaches
    let metrics: MetricsRegistry
    let registry: ModuleRegistry
    let limiter: RateLimiter

    let lastSeen: LastSeenRecorder
    let tokens: AccessTokenService
    let accounts: AccountService
    let logins: LoginService
    let loginTokens: LoginTokenService
    let passwords: PasswordChange
    let deactivation: DeactivationService
    let interactiveAuth: UserInteractiveAuth
    let accountUpkeep: AccountUpkeep
    let registration: RegistrationService
    let sharedSecretRegistration: SharedSecretRegistration
    let devices: DeviceService
    let profiles: ProfileService
    let filters: FilterService
    let accountData: AccountDataService

    let stream: EventStream
    let sender: EventSender
    let memberships: MembershipService
    let rooms: RoomService
    let reader: RoomReader
    let directory: RoomDirectory
    let creation: RoomCreation
    let timeouts: TimeoutWheel
    let sync: SyncService
    let moduleFeed: ModuleEventFeed
    let stateUpkeep: StateUpkeep
    let roomSettings: Homeserver.RoomSettings

    /// Brings the schema up to date and builds the services on it.
    init(configuration: Configuration, database: any Database, key: SigningKey) async throws {
        self.database = database
        let (time, random) = (TimeSource.system, RandomSource.system)
        try await migrate(database, Schema.migrations, madeBy: "axolemma \(Version.current)")
        let caches = StorageCaches(serverName: configuration.serverName)
        try await database.write { try RoomStores($0, caches: caches, .writing).resumeStateCollection() }
        self.caches = caches
        let metrics = MetricsRegistry()
        ProcessMetrics.register(in: metrics)
        self.metrics = metrics
        registry = Self.registry(configuration, metrics)
        let overrides = try await database.read { try $0.rateLimitOverrides.all() }
        limiter = RateLimiter(settings: configuration.rateLimitSettings, time: time, overrides: overrides)

        stream = EventStream(database: database, caches: caches)
        try await stream.start()
        sender = EventSender(
            database: database, states: RoomStates(database: database, caches: caches), writers: RoomWriters(),
            composer: EventComposer(serverName: configuration.serverName, key: key, time: time), modules: registry,
            stream: stream)
        roomSettings = configuration.roomSettings
        memberships = MembershipService(
            database: database, sender: sender, stream: stream, modules: registry, limiter: limiter,
            settings: roomSettings)
        rooms = RoomService(sender: sender, memberships: memberships, limiter: limiter)
        creation = RoomCreation(
            database: database, sender: sender, memberships: memberships, modules: registry, limiter: limiter,
            random: random, settings: roomSettings)
        reader = RoomReader(
            database: database, states: sender.states, stream: stream, time: time, modules: registry)
        directory = RoomDirectory(database: database, sender: sender, stream: stream, settings: roomSettings)
        timeouts = TimeoutWheel()
        sync = SyncService(
            database: database, caches: caches, stream: stream, timeouts: timeouts, time: time,
            settings: roomSettings, modules: registry, timelineLimit: configuration.rooms.filterTimelineLimit ?? 1_000)
        accountData = AccountDataService(database: database, stream: stream, modules: registry)
        moduleFeed = ModuleEventFeed(database: database, sender: sender, stream: stream, modules: registry)

        stateUpkeep = StateUpkeep(database: database, caches: caches, log: Logger(label: "axolemma.storage"))

        let settings = configuration.accountSettings
        lastSeen = LastSeenRecorder(database: database)
        tokens = AccessTokenService(
            database: database, time: time, random: random, lastSeen: lastSeen, modules: registry,
            recovery: TokenRecovery(secret: key.secret(for: "access tokens")))
        accounts = AccountService(
            database: database, settings: settings, tokens: tokens,
            passwords: PasswordHasher(
                rounds: configuration.registration.bcryptRounds, pepper: configuration.passwords.pepper),
            limits: limiter, modules: registry, time: time, random: random)
        let credentials = CredentialService(accounts: accounts, modules: registry, limits: limiter)
        loginTokens = LoginTokenService(database: database, time: time, random: random)
        logins = LoginService(
            accounts: accounts, credentials: credentials, loginTokens: loginTokens, limits: limiter, modules: registry)
        interactiveAuth = UserInteractiveAuth(
            database: database, settings: settings, credentials: credentials,
            stages: [DummyStage(), RegistrationTokenStage(database: database, time: time)],
            time: time, random: random)
        passwords = PasswordChange(accounts: accounts, interactiveAuth: interactiveAuth)
        deactivation = DeactivationService(
            database: database, tokens: tokens, memberships: memberships, stream: stream, states: sender.states,
            modules: registry)
        accountUpkeep = AccountUpkeep(interactiveAuth: interactiveAuth)
        registration = RegistrationService(
            database: database, accounts: accounts, interactiveAuth: interactiveAuth, limits: limiter,
            modules: registry, time: time)
        sharedSecretRegistration = SharedSecretRegistration(accounts: accounts, time: time, random: random)
        devices = DeviceService(database: database, tokens: tokens, lastSeen: lastSeen)
        let shared = memberships
        profiles = ProfileService(
            database: database, settings: configuration.profileSettings { try await shared.shareRoom($0, $1) },
            modules: registry, observer: memberships)
        filters = FilterService(database: database)
    }

    private static func registry(_ configuration: Configuration, _ metrics: MetricsRegistry) -> ModuleRegistry {
        let seconds = metrics.histograms(
            "axolemma_module_callback_seconds", help: "How long modules take to answer.",
            labels: ["module", "callback", "outcome"])
        let log = Logger(label: "axolemma.modules")
        let runner = CallbackRunner(timeout: configuration.moduleSettings.callbackTimeout, log: log) { timing in
            seconds.with(timing.module, timing.callback.name, timing.outcome.rawValue).observe(timing.duration)
        }
        return ModuleRegistry(runner: runner, log: log)
    }
}
