import MatrixCore
import ModuleAPI
import Synchronization

/// A server for modules in tests: keeps what they register, and answers a few questions.
final class FakeContext: ModuleContext {
    struct Registered {
        var spam: [SpamChecker] = []
        var rules: [ThirdPartyRules] = []
        var presence: [PresenceRouter] = []
        var validity: [AccountValidity] = []
        var auth: [PasswordAuthProvider] = []
        var accountData: [AccountDataCallbacks] = []
        var background: [BackgroundUpdateController] = []
        var media: [MediaRepositoryCallbacks] = []
        var rateLimits: [RateLimitCallbacks] = []
        var unsigned: [ExtraUnsignedFields] = []
        var federation: [FederationCallbacks] = []
        var web: [WebResource] = []
    }

    private let state = Mutex(Registered())
    let facets = FakeFacets()

    var registered: Registered { state.withLock { $0 } }

    let serverName = ServerName(trusted: "b.example")
    let publicBaseURL = "https://b.example/"
    let emailAppName = "Matrix"
    let log = ModuleLog { _, _ in }

    func register(_ spamChecker: SpamChecker) { state.withLock { $0.spam.append(spamChecker) } }
    func register(_ rules: ThirdPartyRules) { state.withLock { $0.rules.append(rules) } }
    func register(_ router: PresenceRouter) { state.withLock { $0.presence.append(router) } }
    func register(_ validity: AccountValidity) throws { state.withLock { $0.validity.append(validity) } }
    func register(_ provider: PasswordAuthProvider) throws {
        guard provider.authCheckers.allSatisfy({ $0.loginType != "taken" }) else {
            throw ModuleError.invalid("another module has other fields")
        }
        state.withLock { $0.auth.append(provider) }
    }
    func register(_ callbacks: AccountDataCallbacks) { state.withLock { $0.accountData.append(callbacks) } }
    func register(_ controller: BackgroundUpdateController) { state.withLock { $0.background.append(controller) } }
    func register(_ callbacks: MediaRepositoryCallbacks) { state.withLock { $0.media.append(callbacks) } }
    func register(_ callbacks: RateLimitCallbacks) { state.withLock { $0.rateLimits.append(callbacks) } }
    func register(_ callbacks: ExtraUnsignedFields) { state.withLock { $0.unsigned.append(callbacks) } }
    func register(_ callbacks: FederationCallbacks) { state.withLock { $0.federation.append(callbacks) } }
    func register(_ resource: WebResource) throws { state.withLock { $0.web.append(resource) } }

    var users: any ModuleUsers { facets }
    var rooms: any ModuleRooms { facets }
    var publicRooms: any PublicRoomList { facets }
    var accountData: any ModuleAccountData { facets }
    var database: any ModuleDatabase { preconditionFailure("not used by the host") }
    var http: any HTTPClient { preconditionFailure("not used by the host") }
    var background: any BackgroundCalls { preconditionFailure("not used by the host") }
}

/// The facets of ``FakeContext``.
final class FakeFacets: ModuleUsers, ModuleRooms, PublicRoomList, ModuleAccountData {
    /// What `state(of:)` answers.
    let roomState = Mutex(StateMap())
    /// What happens when an event is sent.
    let onSend = Mutex<(@Sendable (NewEvent) async throws -> Event)?>(nil)
    let admins = Mutex<Set<UserID>>([])

    func info(of user: UserID) async throws -> UserInfo? {
        UserInfo(
            user: user, createdAt: Timestamp(milliseconds: 5_000), isAdmin: admins.withLock { $0.contains(user) })
    }
    func requester(
        forToken token: String?, allowGuest: Bool, allowExpired: Bool, address: String?, userAgent: String?
    ) async throws -> Requester {
        guard token == "secret" else {
            throw MatrixError(
                status: 401, code: .unknownToken, message: "Invalid access token passed.",
                fields: ["soft_logout": false])
        }
        return Requester(user: UserID(trusted: "@a:b.example"), device: "D", accountNumber: 1, tokenNumber: 7)
    }
    func existing(_ user: UserID) async throws -> UserID? { user }
    func profile(of user: UserID) async throws -> UserProfile? { UserProfile(displayName: "A") }
    func threepids(of user: UserID) async throws -> [Threepid] { [] }
    func sightings(of user: UserID, since: Timestamp) async throws -> [UserSighting] { [] }
    func user(knownTo provider: String, as externalID: String) async throws -> UserID? { nil }
    func externalIDs(of user: UserID) async throws -> [ExternalID] { [ExternalID(provider: "p", id: "1")] }
    func checkUsername(_ localpart: String) async throws {
        throw MatrixError(status: 400, code: .userInUse, message: "User ID already taken.")
    }
    func register(_ user: NewUser) async throws -> UserID { UserID(trusted: "@\(user.localpart):b.example") }
    func registerDevice(of user: UserID, device: DeviceID?, displayName: String?) async throws -> DeviceLogin {
        DeviceLogin(device: device ?? "NEW", accessToken: "t")
    }
    func record(_ externalID: ExternalID, for user: UserID) async throws { throw ModuleError.externalIDInUse }
    func createLoginToken(
        for user: UserID, lifetime: Duration, providerID: String?, providerSessionID: String?
    ) async throws -> String { "token" }
    func invalidate(accessToken: String) async throws {}
    func setAdmin(_ isAdmin: Bool, _ user: UserID) async throws {
        admins.withLock { admins in
            if isAdmin { admins.insert(user) } else { admins.remove(user) }
        }
    }
    func setDisplayName(_ name: String, of user: UserID) async throws {}
    func setAvatar(_ url: String, of user: UserID) async throws {}
    func rateLimit(of user: UserID) async throws -> UserRateLimit? { nil }
    func setRateLimit(_ limit: UserRateLimit?, of user: UserID) async throws {}

    func state(of room: RoomID) async throws -> StateMap { roomState.withLock { $0 } }
    func state(of room: RoomID, matching filter: [StateFilterEntry]) async throws -> [StateKey: Event] { [:] }
    func send(_ event: NewEvent) async throws -> Event {
        guard let onSend = onSend.withLock({ $0 }) else { throw MatrixError.forbidden("User not in room") }
        return try await onSend(event)
    }
    func changeMembership(_ change: MembershipChange) async throws -> Event { throw ModuleError.notLocal("@x:y") }
    func create(
        _ request: JSONObject, by user: UserID, isRateLimited: Bool, joinProfile: JSONObject?
    ) async throws -> CreatedRoom { CreatedRoom(room: RoomID(trusted: "!new:b.example")) }
    func lookUp(_ alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName]) {
        (RoomID(trusted: "!r:b.example"), [ServerName(trusted: "b.example")])
    }
    func event(_ id: EventID) async throws -> Event? { nil }
    func rooms(of user: UserID) async throws -> [RoomID] { [] }
    func users(in room: RoomID) async throws -> [UserID] { [] }
    func version(of room: RoomID) async throws -> RoomVersion? { RoomVersion("11") }

    func contains(_ room: RoomID) async throws -> Bool { true }
    func add(_ room: RoomID) async throws {}
    func remove(_ room: RoomID) async throws {}

    func global(_ type: String, of user: UserID) async throws -> JSONObject? { ["of": .string(user.string)] }
    func data(_ type: String, in room: RoomID, of user: UserID) async throws -> JSONObject? { nil }
    func setGlobal(_ type: String, to content: JSONObject, of user: UserID) async throws {
        throw ModuleError.invalid("unknown user")
    }
}
