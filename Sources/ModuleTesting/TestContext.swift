public import MatrixCore
public import ModuleAPI
import Synchronization

/// A context for a module under test: keeps what the module registers and lets the test call it.
///
/// ```swift
/// let context = TestContext()
/// _ = KeywordFilter(configuration: configuration, context: context)
/// #expect(try await context.checkEventForSpam(.message("casino")) == .deny())
/// ```
///
/// The functions named after callbacks call what was registered, in order, and combine several answers as the server does.
/// They throw ``TestError/notRegistered(_:)`` if nothing was, so a forgotten registration shows. What a callback throws
/// comes through as it is. To put two modules into one server give both contexts the same ``TestServer``.
public final class TestContext: ModuleContext {
    /// The server the module sees, and what the test puts into it and finds there.
    public let server: TestServer
    public let publicBaseURL: String
    public let emailAppName: String
    public let log: ModuleLog
    let registered = Mutex(Registered())

    /// What modules registered.
    struct Registered {
        var spamCheckers: [SpamChecker] = []
        var thirdPartyRules: [ThirdPartyRules] = []
        var presenceRouters: [PresenceRouter] = []
        var accountValidities: [AccountValidity] = []
        var passwordAuthProviders: [PasswordAuthProvider] = []
        var accountDataCallbacks: [AccountDataCallbacks] = []
        var backgroundUpdateControllers: [BackgroundUpdateController] = []
        var mediaRepositoryCallbacks: [MediaRepositoryCallbacks] = []
        var rateLimitCallbacks: [RateLimitCallbacks] = []
        var extraUnsignedFields: [ExtraUnsignedFields] = []
        var federationCallbacks: [FederationCallbacks] = []
        var webResources: [WebResource] = []
    }

    public init(
        server: TestServer = TestServer(), publicBaseURL: String? = nil, emailAppName: String = "Matrix"
    ) {
        self.server = server
        self.publicBaseURL = publicBaseURL ?? "https://\(server.name.string)/"
        self.emailAppName = emailAppName
        log = ModuleLog { level, message in server.note(level, message) }
    }

    public var serverName: ServerName { server.name }
    public var users: any ModuleUsers { server.users }
    public var rooms: any ModuleRooms { server.rooms }
    public var publicRooms: any PublicRoomList { server.publicRooms }
    public var accountData: any ModuleAccountData { server.accountData }
    public var database: any ModuleDatabase { server.database }
    public var http: any HTTPClient { server.http }
    public var background: any BackgroundCalls { server.background }

    public func register(_ spamChecker: SpamChecker) { registered.withLock { $0.spamCheckers.append(spamChecker) } }
    public func register(_ rules: ThirdPartyRules) { registered.withLock { $0.thirdPartyRules.append(rules) } }
    public func register(_ router: PresenceRouter) { registered.withLock { $0.presenceRouters.append(router) } }
    public func register(_ validity: AccountValidity) { registered.withLock { $0.accountValidities.append(validity) } }
    public func register(_ provider: PasswordAuthProvider) {
        registered.withLock { $0.passwordAuthProviders.append(provider) }
    }
    public func register(_ callbacks: AccountDataCallbacks) {
        registered.withLock { $0.accountDataCallbacks.append(callbacks) }
    }
    public func register(_ controller: BackgroundUpdateController) {
        registered.withLock { $0.backgroundUpdateControllers.append(controller) }
    }
    public func register(_ callbacks: MediaRepositoryCallbacks) {
        registered.withLock { $0.mediaRepositoryCallbacks.append(callbacks) }
    }
    public func register(_ callbacks: RateLimitCallbacks) {
        registered.withLock { $0.rateLimitCallbacks.append(callbacks) }
    }
    public func register(_ callbacks: ExtraUnsignedFields) {
        registered.withLock { $0.extraUnsignedFields.append(callbacks) }
    }
    public func register(_ callbacks: FederationCallbacks) {
        registered.withLock { $0.federationCallbacks.append(callbacks) }
    }

    public func register(_ resource: WebResource) { registered.withLock { $0.webResources.append(resource) } }

    /// The registered callbacks of one name.
    /// - Throws: ``TestError/notRegistered(_:)`` if there is none.
    func callbacks<Family: Sendable, Callback: Sendable>(
        _ name: String, _ families: (Registered) -> [Family], _ callback: (Family) -> Callback?
    ) throws -> [Callback] {
        let found = registered.withLock { families($0) }.compactMap(callback)
        guard !found.isEmpty else { throw TestError.notRegistered(name) }
        return found
    }

    /// Asks until one answer decides.
    /// - Parameter passing: The answer that leaves it to the next.
    func ask<Callback: Sendable, Answer: Equatable>(
        _ callbacks: [Callback], passing: Answer, _ call: (Callback) async throws -> Answer
    ) async throws -> Answer {
        for callback in callbacks {
            let answer = try await call(callback)
            if answer != passing { return answer }
        }
        return passing
    }
}
