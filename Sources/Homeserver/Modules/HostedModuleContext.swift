package import Logging
package import MatrixCore
package import ModuleAPI

/// One module's way to the server.
package struct HostedModuleContext: ModuleContext {
    package let log: ModuleLog
    package let background: any BackgroundCalls
    private let module: String
    private let registry: ModuleRegistry
    private let services: ModuleServices

    /// Makes the context of a module, and the module known to the registry.
    package init(
        module: String, language: ModuleLanguage = .swift, services: ModuleServices, registry: ModuleRegistry,
        log: Logger
    ) {
        self.module = module
        self.registry = registry
        self.services = services
        self.log = ModuleLog(module: module, writingTo: log)
        background = ModuleBackgroundCalls(module: module, calls: services.background)
        registry.add(module: module, language: language)
    }

    package var serverName: ServerName { services.serverName }
    package var publicBaseURL: String { services.publicBaseURL }
    package var emailAppName: String { services.emailAppName }

    package var users: any ModuleUsers { services.users }
    package var rooms: any ModuleRooms { services.rooms }
    package var publicRooms: any PublicRoomList { services.publicRooms }
    package var accountData: any ModuleAccountData { services.accountData }
    package var database: any ModuleDatabase { services.database }
    package var http: any HTTPClient { services.http }

    package func register(_ spamChecker: SpamChecker) { registry.register(spamChecker, of: module) }
    package func register(_ rules: ThirdPartyRules) { registry.register(rules, of: module) }
    package func register(_ router: PresenceRouter) { registry.register(router, of: module) }
    package func register(_ validity: AccountValidity) throws { try registry.register(validity, of: module) }
    package func register(_ provider: PasswordAuthProvider) throws { try registry.register(provider, of: module) }
    package func register(_ callbacks: AccountDataCallbacks) { registry.register(callbacks, of: module) }
    package func register(_ controller: BackgroundUpdateController) { registry.register(controller, of: module) }
    package func register(_ callbacks: MediaRepositoryCallbacks) { registry.register(callbacks, of: module) }
    package func register(_ callbacks: RateLimitCallbacks) { registry.register(callbacks, of: module) }
    package func register(_ callbacks: ExtraUnsignedFields) { registry.register(callbacks, of: module) }
    package func register(_ callbacks: FederationCallbacks) { registry.register(callbacks, of: module) }
    package func register(_ resource: WebResource) throws { try registry.register(resource, of: module) }
}

/// The server's background calls, named after the module that asks for them.
private struct ModuleBackgroundCalls: BackgroundCalls {
    let module: String
    let calls: any BackgroundCalls

    func loop(
        every interval: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall { calls.loop(every: interval, named: "\(module): \(name)", body) }

    func call(
        after delay: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall { calls.call(after: delay, named: "\(module): \(name)", body) }

    func run(named name: String, _ body: @escaping @Sendable () async throws -> Void) -> BackgroundCall {
        calls.run(named: "\(module): \(name)", body)
    }
}

extension ModuleLog {
    /// A module's part of the server's log.
    fileprivate init(module: String, writingTo log: Logger) {
        var log = log
        log[metadataKey: "module"] = "\(module)"
        self.init(isEnabled: { [log] in log.logLevel <= $0.loggerLevel }) { [log] level, message in
            log.log(level: level.loggerLevel, "\(message)")
        }
    }
}

extension ModuleLog.Level {
    fileprivate var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
