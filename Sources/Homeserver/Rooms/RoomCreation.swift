package import MatrixCore
import ModuleAPI
package import SQLEngine
import Storage
import Synchronization

/// Makes rooms.
///
/// Spec: Client-Server API, [Creation](https://spec.matrix.org/v1.19/client-server-api/#creation).
package final class RoomCreation: Sendable {
    private let database: any Database
    private let sender: EventSender
    private let memberships: MembershipService
    private let modules: ModuleRegistry
    private let limiter: RateLimiter
    private let random: RandomSource
    private let settings: RoomSettings
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
    /// - Parameter request: The body of `createRoom`.
    package func create(
        _ request: JSONObject, by requester: Requester
    ) async throws -> (room: RoomID, alias: RoomAlias?) {
        try limiter.check(.roomCreation, key: requester.user.string, for: requester)
        let edited = try await modules.onCreateRoom(
            requester: requester, request: request, isAdmin: requester.isAdmin)
        let wish = try RoomWish(edited, by: requester.user, settings: settings)
        if !requester.isAdmin {
            try await modules.userMayCreateRoom(user: requester.user, configuration: edited)
        }
        var alias: RoomAlias?
        if let name = wish.aliasName { alias = try await freeAlias(name, for: requester) }
        let room = try await makeRoom(wish, alias: alias, by: requester)
        for invitee in wish.invitees {
            let content: JSONObject = wish.isDirect ? ["is_direct": true] : [:]
            _ = try await memberships.apply(
                .init(.invite, of: invitee, content: content), in: room, by: requester)
        }
        return (room.id, alias)
    }

    // MARK: Aliases

    private func freeAlias(_ name: String, for requester: Requester) async throws -> RoomAlias {
        let hasSpace = name.unicodeScalars.contains { $0.properties.isWhitespace }
        guard !hasSpace, !name.utf8.contains(UInt8(ascii: ":")), !name.isEmpty,
            let alias = RoomAlias(localpart: name, server: settings.serverName)
        else {
            if let whole = RoomAlias("#\(name):\(settings.serverName)"), whole.string.utf8.count <= 255 {
                throw MatrixError(status: 400, code: .unknown, message: "Invalid characters in room alias")
            }
            throw MatrixError(
                status: 400, code: name.utf8.count > 200 ? .invalidParam : .unknown,
                message: name.utf8.count > 200
                    ? "Can't create aliases longer than 255 characters" : "Invalid characters in room alias")
        }
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
    private func creationTime() -> Timestamp {
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
        _ wish: RoomWish, alias: RoomAlias?, by requester: Requester
    ) async throws -> RoomHandle {
        let profile = try await database.read { try $0.profiles.profile(of: requester.user) }
        var graph = NewRoomGraph(
            version: wish.version, composer: sender.composer, modules: modules,
            roomID: wish.version.eventFormat.roomIDIsCreateHash
                ? nil : RoomID(trusted: "!\(random.letters(18)):\(settings.serverName)"))
        for var intent in wish.intents(by: requester.user, profile: profile, alias: alias) {
            try intent.checkForm()
            if intent.state == StateKey(.canonicalAlias) {
                // No other alias can point to a room that is not there yet.
                let other = try CanonicalAlias.aliases(in: intent.content).first { $0 != alias }
                if let other { throw CanonicalAlias.pointsElsewhere(other) }
            }
            if intent.type == .create { intent.originServerTS = creationTime() }
            try await graph.append(intent)
        }
        guard let id = graph.roomID else { throw MatrixError.internalError }
        let isPublic = wish.isPublished
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
}

/// A room under construction: a line of events, each authorized by those before it.
private struct NewRoomGraph {
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
        var event = try compose(intent)
        if modules.has(.checkEventAllowed) {
            let verdict = try await modules.checkEventAllowed(event, state: StateMap(state))
            if case .replace(let object) = verdict {
                let replacement = try EventReplacement(object, of: event, on: composer.serverName)
                var changed = intent
                changed.content = replacement.content
                changed.sender = replacement.sender
                event = try compose(changed)
            }
        }
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
