import Logging
import MatrixCore
import SQLEngine
import Storage
import Synchronization
import TestSupport

@testable import Homeserver

/// The rooms of a server, without HTTP and accounts, whose clock moves a millisecond each time it is read.
struct RoomServer: Sendable {
    static let name = ServerName(trusted: "example.org")

    let database: any Database
    let stream: EventStream
    let writers = RoomWriters()
    let sender: EventSender
    let memberships: MembershipService
    let rooms: RoomService
    let creation: RoomCreation
    let sync: SyncService
    let timeouts = TimeoutWheel()
    let registry: ModuleRegistry
    let directory: RoomDirectory
    let accountData: AccountDataService
    let modules: RoomsForModules

    /// - Parameter userLimit: How many users' rooms to keep in memory.
    init(
        _ database: any Database, userLimit: Int = 20_000, limits: RateLimitSettings = .unlimited,
        register: (ModuleRegistry) -> Void = { _ in }
    ) async throws {
        self.database = database
        let ticks = Mutex<Int64>(1_700_000_000_000)
        let time = TimeSource {
            Timestamp(
                milliseconds: ticks.withLock { ticks in
                    ticks += 1
                    return ticks
                })
        }
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let caches = StorageCaches(serverName: Self.name)
        stream = EventStream(database: database, caches: caches, userLimit: userLimit)
        try await stream.start()
        registry = ModuleRegistry(runner: CallbackRunner(log: log), log: log)
        register(registry)
        let key = SigningKey(seed: [UInt8](repeating: 7, count: 32), version: "test")
        guard let key else { throw StorageError.damaged("no key") }
        sender = EventSender(
            database: database, states: RoomStates(database: database, caches: caches), writers: writers,
            composer: EventComposer(serverName: Self.name, key: key, time: time), modules: registry, stream: stream)
        var settings = RoomSettings(serverName: Self.name)
        settings.shadowBanDelay = 0...0
        let limiter = RateLimiter(settings: limits, time: time)
        memberships = MembershipService(
            database: database, sender: sender, stream: stream, modules: registry, limiter: limiter, settings: settings)
        rooms = RoomService(sender: sender, memberships: memberships, limiter: limiter)
        creation = RoomCreation(
            database: database, sender: sender, memberships: memberships, modules: registry, limiter: limiter,
            random: .system, settings: settings)
        sync = SyncService(
            database: database, caches: caches, stream: stream, timeouts: timeouts, time: time, settings: settings,
            modules: registry, timelineLimit: 1_000)
        directory = RoomDirectory(database: database, sender: sender, stream: stream, settings: settings)
        accountData = AccountDataService(database: database, stream: stream, modules: registry)
        modules = RoomsForModules(
            database: database, sender: sender, rooms: rooms, memberships: memberships, creation: creation,
            directory: directory)
    }

    func user(_ name: String, device: String = "DEVICE", isGuest: Bool = false) -> Requester {
        Requester(
            user: UserID(trusted: "@\(name):\(Self.name)"), device: DeviceID(device),
            accountNumber: Int64(name.utf8.first ?? 0), isGuest: isGuest)
    }

    /// A user with an account.
    func registered(
        _ name: String, isAdmin: Bool = false, isShadowBanned: Bool = false, profile: UserProfile? = nil
    ) async throws -> Requester {
        let user = UserID(trusted: "@\(name):\(Self.name)")
        let number = try await database.write { transaction -> Int64 in
            var new = NewAccount(user: user, createdAt: Timestamp(milliseconds: 1))
            new.isAdmin = isAdmin
            guard let account = try transaction.accounts.insert(new) else { throw StorageError.damaged("taken") }
            if isShadowBanned { try transaction.accounts.setShadowBanned(true, of: account.number) }
            if let profile { try transaction.profiles.set(profile, ofAccount: account.number) }
            return account.number
        }
        return Requester(
            user: user, device: "DEVICE", accountNumber: number, isAdmin: isAdmin, isShadowBanned: isShadowBanned)
    }

    func createRoom(by user: Requester, _ request: JSONObject = ["preset": "public_chat"]) async throws -> RoomID {
        try await creation.create(request, by: user).room
    }

    @discardableResult
    func join(_ room: RoomID, by user: Requester) async throws -> EventID? {
        try await memberships.apply(.init(.join, of: user.user), in: room, by: user)
    }

    @discardableResult
    func change(
        _ action: MembershipService.Action, _ target: Requester, in room: RoomID, by user: Requester
    ) async throws -> EventID? {
        try await memberships.apply(.init(action, of: target.user), in: room, by: user)
    }

    @discardableResult
    func set(_ type: EventType, _ content: JSONObject, in room: RoomID, by user: Requester) async throws -> EventID {
        try await rooms.setState(StateKey(type), content: content, in: room, by: user)
    }

    @discardableResult
    func say(_ text: String, in room: RoomID, by user: Requester, transaction: String? = nil) async throws -> EventID {
        try await rooms.send(
            type: .message, content: ["msgtype": "m.text", "body": .string(text)], to: room, by: user,
            transaction: transaction)
    }

    func syncOnce(
        _ user: Requester, since: String? = nil, filter: JSONObject = [:], fullState: Bool = false,
        stateAfter: Bool = false
    ) async throws -> JSON {
        let request = SyncRequest(
            filter: SyncFilter(filter), since: since.flatMap { StreamToken($0) }, fullState: fullState,
            usesStateAfter: stateAfter)
        return try JSON.parse(try await sync.sync(request, by: user))
    }
}

extension JSON {
    /// Follows keys into an object.
    func at(_ path: String...) -> JSON? { path.reduce(self) { $0?[$1] } }

    /// The bodies of a list of messages.
    var bodies: [String] { arrayValue?.compactMap { $0.at("content", "body")?.stringValue } ?? [] }
    var types: [String] { arrayValue?.compactMap { $0["type"]?.stringValue } ?? [] }
}

/// Runs `body` on a server over an empty database.
func withRoomServer(
    _ engine: Engine, userLimit: Int = 20_000, limits: RateLimitSettings = .unlimited,
    register: (ModuleRegistry) -> Void = { _ in },
    _ body: (RoomServer) async throws -> Void
) async throws {
    try await withTemporaryDatabase(engine) { database in
        try await migrate(database, Schema.migrations)
        try await body(try await RoomServer(database, userLimit: userLimit, limits: limits, register: register))
    }
}

/// The error that `body` throws, as a client sees it.
func refusal(_ body: () async throws -> some Any) async -> MatrixError? {
    do {
        _ = try await body()
        return nil
    } catch let error as any MatrixErrorConvertible {
        return error.matrixError
    } catch {
        return .internalError
    }
}
