package import MatrixCore
import ModuleAPI
package import SQLEngine
import Storage
import Synchronization

/// Makes rooms.
///
/// Spec: Client-Server API, [Creation](https://spec.matrix.org/v1.19/client-server-api/#creation).
package final class RoomCreation: Sendable {
    let database: any Database
    let sender: EventSender
    let memberships: MembershipService
    let modules: ModuleRegistry
    let limiter: RateLimiter
    let random: RandomSource
    let settings: RoomSettings
    /// Upgrades under way, and what those of late came to.
    let upgrades = KeyedLock<Upgrade>()
    let recentUpgrades = BoundedCache<Upgrade, RoomID>(limit: 1_000)
    /// When the latest room was created, in milliseconds.
    private let latest = Atomic<Int64>(0)

    package init(
        database: any Database, sender: EventSender, memberships: MembershipService, modules: ModuleRegistry,
        limiter: RateLimiter, random: RandomSource, settings: RoomSettings
    ) {
        self.database = database
        self.sender = sender
        self.memberships = memberships
        self.modules = modules
        self.limiter = limiter
        self.random = random
        self.settings = settings
    }

    /// Makes the room that a client describes.
    /// - Parameters:
    ///   - request: The body of `createRoom`.
    ///   - isRateLimited: Whether it counts against the requester's limit.
    ///   - joinProfile: What the creator's member event shows in the place of their profile.
    package func create(
        _ request: JSONObject, by requester: Requester, isRateLimited: Bool = true, joinProfile: JSONObject? = nil
    ) async throws -> (room: RoomID, alias: RoomAlias?) {
        if isRateLimited { try limiter.check(.roomCreation, key: requester.user.string, for: requester) }
        let edited = try await modules.onCreateRoom(
            requester: requester, request: request, isAdmin: requester.isAdmin)
        let wish = try RoomWish(edited, by: requester.user, settings: settings)
        if !requester.isAdmin {
            try await modules.userMayCreateRoom(user: requester.user, configuration: edited)
        }
        var alias: RoomAlias?
        if let name = wish.aliasName { alias = try await freeAlias(name, for: requester) }
        let room = try await makeRoom(wish, alias: alias, by: requester, joinProfile: joinProfile)
        for member in wish.members {
            _ = try await memberships.setMemberEvent(
                of: member.user.string, content: member.content, in: room.id, by: requester)
        }
        if requester.isShadowBanned, !wish.invitees.isEmpty { try await memberships.shadowBan.wait() }
        for invitee in wish.invitees where !requester.isShadowBanned {
            let content: JSONObject = wish.isDirect ? ["is_direct": true] : [:]
            _ = try await memberships.apply(
                .init(.invite, of: invitee, content: content), in: room, by: requester)
        }
        return (room.id, alias)
    }

    // MARK: Aliases

    private func freeAlias(_ name: String, for requester: Requester) async throws -> RoomAlias {
        let hasSpace = name.unicodeScalars.contains { $0.properties.isWhitespace }
        guard "#\(name):\(settings.serverName)".utf8.count <= 255 else {
            throw MatrixError.invalidParam("Can't create aliases longer than 255 characters")
        }
        guard !hasSpace, !name.isEmpty, !name.utf8.contains(UInt8(ascii: ":")),
            let alias = RoomAlias(localpart: name, server: settings.serverName)
        else { throw MatrixError.unknown("Invalid characters in room alias") }
        try await modules.userMayCreateRoomAlias(user: requester.user, alias: alias)
        guard settings.mayCreateAlias(requester.user, nil, [alias]) else {
            throw MatrixError.forbidden("Not allowed to create alias")
        }
        let taken = try await database.read { [caches = sender.states.caches] in
            try RoomStores($0, caches: caches, .reading).room(under: alias) != nil
        }
        if taken { throw Self.aliasTaken }
        return alias
    }

    private static let aliasTaken = MatrixError(
        status: 400, code: .roomInUse, message: "Room alias already taken")

    /// A time no other room of ours was created at: from room version 12 on a room's ID is the hash of its create event, and
    /// two that differ in nothing else would be one room.
    func creationTime() -> Timestamp {
        var previous = latest.load(ordering: .relaxed)
        while true {
            let time = max(sender.composer.time.now().milliseconds, previous + 1)
            let (exchanged, original) = latest.compareExchange(
                expected: previous, desired: time, ordering: .relaxed)
            if exchanged { return Timestamp(milliseconds: time) }
            previous = original
        }
    }

    // MARK: Events

    /// Writes the room's first events, all or none of them.
    private func makeRoom(
        _ wish: RoomWish, alias: RoomAlias?, by requester: Requester, joinProfile: JSONObject?
    ) async throws -> RoomHandle {
        let profile =
            if let joinProfile { joinProfile } else {
                try await database.read { try $0.profiles.profile(of: requester.user) }?.memberContent ?? [:]
            }
        var graph = NewRoomGraph(
            version: wish.version, composer: sender.composer, modules: modules,
            roomID: wish.version.eventFormat.roomIDIsCreateHash
                ? nil : RoomID(trusted: "!\(random.letters(18)):\(settings.serverName)"))
        let isPublic = wish.isPublished
        var isVisibilityChecked = false
        for var intent in wish.intents(by: requester.user, profile: profile, alias: alias) {
            try intent.checkForm()
            // From room version 12 on the room has no ID before its create event.
            if let id = graph.roomID, !isVisibilityChecked {
                try await checkVisibility(isPublic, of: id)
                isVisibilityChecked = true
            }
            if intent.state == StateKey(.canonicalAlias) {
                // No other alias can point to a room that is not there yet.
                let other = try CanonicalAlias.aliases(in: intent.content).first { $0 != alias }
                if let other { throw CanonicalAlias.pointsElsewhere(other) }
            }
            if intent.type == .create { intent.originServerTS = creationTime() }
            try await graph.append(intent)
        }
        guard let id = graph.roomID else { throw MatrixError.internalError }
        if isPublic, !requester.isAdmin {
            guard settings.mayPublish(requester.user, id, alias.map { [$0] } ?? []) else {
                throw MatrixError.forbidden("Not allowed to publish room")
            }
        }
        return try await sender.createRoom(id, version: wish.version, events: graph.events) { stores, room in
            if let alias, try !stores.insertAlias(alias, of: room, creator: requester.user) { throw Self.aliasTaken }
            if isPublic { try stores.setPublished(true, room) }
        }
    }

    private func checkVisibility(_ isPublic: Bool, of room: RoomID) async throws {
        guard modules.has(.checkVisibilityCanBeModified) else { return }
        try await modules.checkVisibilityCanBeModified(
            room: room, state: StateMap(), newVisibility: isPublic ? .public : .private, isNewRoom: true)
    }
}

/// A room under construction: a line of events, each authorized by those before it.
struct NewRoomGraph {
    let version: RoomVersion
    let composer: EventComposer
    let modules: ModuleRegistry
    var roomID: RoomID?
    private(set) var events: [Event] = []
    private var state: [StateKey: Event] = [:]

    init(version: RoomVersion, composer: EventComposer, modules: ModuleRegistry, roomID: RoomID?) {
        self.version = version
        self.composer = composer
        self.modules = modules
        self.roomID = roomID
    }

    mutating func append(_ intent: EventIntent) async throws {
        var intent = intent
        var event = try compose(intent)
        if modules.has(.checkEventAllowed) {
            let verdict = try await modules.checkEventAllowed(event, state: StateMap(state))
            if case .replace(let object) = verdict {
                intent = try EventReplacement(object, of: event, on: composer.serverName).applied(to: intent)
                event = try compose(intent)
            }
        }
        try intent.checkContent(on: composer.serverName)
        let earlier = state
        try authorize(event, state: { earlier[$0] })
        events.append(event)
        if let key = event.state { state[key] = event }
        roomID = event.roomID
    }

    private func compose(_ intent: EventIntent) throws -> Event {
        var hashes: [EventID: [UInt8]] = [:]
        if version.eventFormat.referencesCarryHashes {
            for event in events { hashes[event.eventID] = try referenceHash(event.object, version: version) }
        }
        return try composer.compose(
            intent, in: intent.type == .create && version.eventFormat.roomIDIsCreateHash ? nil : roomID,
            version: version, prev: events.last.map { [$0.eventID] } ?? [], depth: Int64(events.count) + 1,
            state: state, referenceHashes: hashes)
    }
}
