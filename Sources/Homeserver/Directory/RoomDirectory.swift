package import MatrixCore
import ModuleAPI
package import SQLEngine
import Storage

/// Room aliases, and the list of rooms that this server publishes.
///
/// Spec: Client-Server API, [Room aliases](https://spec.matrix.org/v1.19/client-server-api/#room-aliases),
/// [Published room directory](https://spec.matrix.org/v1.19/client-server-api/#published-room-directory).
package final class RoomDirectory: Sendable {
    let database: any Database
    let states: RoomStates
    private let stream: EventStream
    private let sender: EventSender
    package let settings: RoomSettings

    package init(database: any Database, sender: EventSender, stream: EventStream, settings: RoomSettings) {
        self.database = database
        states = sender.states
        self.stream = stream
        self.sender = sender
        self.settings = settings
    }

    // MARK: - Looking up

    /// The room an alias stands for, and servers to join it through.
    /// - Throws: 404 `M_NOT_FOUND` if it stands for none; 502 if it is another server's.
    package func resolve(_ alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName]) {
        guard alias.server == settings.serverName else {
            throw MatrixError(
                status: 502, code: .unknown,
                message: "Failed to fetch alias: this server does not speak to other servers yet")
        }
        guard let room = try await room(under: alias) else {
            throw MatrixError.notFound("Room alias \(alias) not found")
        }
        return (room.id, [settings.serverName])
    }

    /// This server's aliases of a room.
    /// - Throws: 403 unless the requester is in the room or it is open to readers.
    package func aliases(of room: RoomID, by requester: Requester) async throws -> [RoomAlias] {
        let refusal = RoomReading.notAllowed(requester.user, in: room)
        guard let handle = try await states.room(room) else { throw refusal }
        if try await !isJoined(requester, to: handle) {
            let visibility = try await states.current(.historyVisibility, in: handle)
            guard let visibility, HistoryVisibility(visibility.content) == .worldReadable else { throw refusal }
        }
        return try await database.read { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).aliases(of: handle)
        }
    }

    private func room(under alias: RoomAlias) async throws -> RoomHandle? {
        try await database.read { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).room(under: alias)
        }
    }

    private func isJoined(_ requester: Requester, to room: RoomHandle) async throws -> Bool {
        try await stream.rooms(of: requester.user).place(in: room.number)?.membership == .join
    }

    // MARK: - Aliases

    /// Points an alias of this server at a room.
    /// - Throws: 400 for an alias that cannot be or a room that is not here; 403 if the requester may not;
    ///   409 `M_UNKNOWN` if the alias is taken.
    package func create(_ alias: RoomAlias, for room: RoomID, by requester: Requester) async throws {
        guard let handle = try await states.room(room) else {
            throw MatrixError.unknown("Room does not exist")
        }
        try check(alias)
        if !requester.isAdmin, settings.aliasesRequireMembership, try await !isJoined(requester, to: handle) {
            throw MatrixError.forbidden("You must be in the room to create an alias for it")
        }
        try await sender.modules.userMayCreateRoomAlias(user: requester.user, alias: alias)
        if !requester.isAdmin {
            guard settings.mayCreateAlias(requester.user, room, [alias]) else {
                throw MatrixError.forbidden("Not allowed to create alias")
            }
        }
        let isNew = try await database.write { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .writing).insertAlias(
                alias, of: handle, creator: requester.user)
        }
        guard isNew else {
            throw MatrixError(status: 409, code: .unknown, message: "Room alias \(alias) already exists")
        }
    }

    /// Refuses aliases that this server cannot give out.
    private func check(_ alias: RoomAlias) throws(MatrixError) {
        guard !alias.string.unicodeScalars.contains(where: \.properties.isWhitespace) else {
            throw .unknown("Invalid characters in room alias")
        }
        guard alias.server == settings.serverName else { throw .unknown("Room alias must be local") }
    }

    /// Removes an alias, also from the room's `m.room.canonical_alias` if the requester may change that.
    ///
    /// Whoever created the alias may, and whoever has the power to name the room's canonical alias.
    /// - Throws: 404 `M_NOT_FOUND` if there is no such alias; 403 if the requester may not.
    package func delete(_ alias: RoomAlias, by requester: Requester) async throws {
        let found = try await database.read { [caches = states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return (creator: try stores.creator(of: alias), room: try stores.room(under: alias))
        }
        guard let creator = found.creator, let room = found.room else {
            throw MatrixError.notFound("Unknown room alias")
        }
        if creator != requester.user, try await !mayCurate(room, requester) {
            throw MatrixError.forbidden("You don't have permission to delete the alias.")
        }
        try await database.write { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .writing).deleteAlias(alias)
        }
        try await retract(alias, from: room, by: requester)
    }

    /// Takes a deleted alias out of the room's canonical ones.
    private func retract(_ alias: RoomAlias, from room: RoomHandle, by requester: Requester) async throws {
        guard var content = try await states.current(StateKey(.canonicalAlias), in: room)?.content else { return }
        let before = content
        if content.string("alias")?.hasSameBytes(as: alias.string) == true { content["alias"] = nil }
        if let others = content.array("alt_aliases") {
            let kept = others.filter { $0.stringValue?.hasSameBytes(as: alias.string) != true }
            if kept.count < others.count { content["alt_aliases"] = kept.isEmpty ? nil : .array(kept) }
        }
        guard content != before else { return }
        let intent = EventIntent(type: .canonicalAlias, stateKey: "", content: content, sender: requester.user)
        do {
            _ = try await sender.send(intent, to: room)
        } catch let error as any MatrixErrorConvertible where error.matrixError.status == 403 {
            // Whoever created the alias may take it away without a say in the room's state.
        }
    }

    // MARK: - Publishing

    /// Whether the room is published.
    /// - Throws: 404 `M_NOT_FOUND` if this server does not know the room.
    package func isPublished(_ room: RoomID) async throws -> Bool {
        guard let handle = try await states.room(room) else { throw MatrixError.notFound("Unknown room") }
        return try await database.read { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).isPublished(handle)
        }
    }

    /// Publishes a room, or ceases to.
    /// - Throws: 404 `M_NOT_FOUND` if this server does not know the room; 403 if the requester may not.
    package func setPublished(_ isPublished: Bool, _ room: RoomID, by requester: Requester) async throws {
        try await sender.modules.userMayPublishRoom(user: requester.user, room: room)
        guard let handle = try await states.room(room) else { throw MatrixError.notFound("Unknown room") }
        guard try await mayCurate(handle, requester) else {
            throw MatrixError.forbidden(
                "This server requires you to be a moderator in the room to edit its room list entry")
        }
        if isPublished, !requester.isAdmin {
            var aliases = try await database.read { [caches = states.caches] transaction in
                try RoomStores(transaction, caches: caches, .reading).aliases(of: handle)
            }
            let canonical = try await states.current(StateKey(.canonicalAlias), in: handle)?.content.string("alias")
            if let alias = canonical.flatMap({ RoomAlias($0) }), !aliases.contains(alias) { aliases.append(alias) }
            guard settings.mayPublish(requester.user, room, aliases) else {
                throw MatrixError.forbidden("Not allowed to publish room")
            }
        }
        if isPublished, sender.modules.has(.checkVisibilityCanBeModified) {
            let state = sender.stateMap(of: handle, at: try await states.currentState(of: handle))
            try await sender.modules.checkVisibilityCanBeModified(
                room: room, state: state, newVisibility: .public, isNewRoom: false)
        }
        try await write(isPublished, handle)
    }

    /// Publishes a room, or ceases to, whoever wants it.
    func setPublished(_ isPublished: Bool, _ room: RoomID) async throws {
        guard let handle = try await states.room(room) else { throw MatrixError.notFound("Unknown room") }
        try await write(isPublished, handle)
    }

    private func write(_ isPublished: Bool, _ room: RoomHandle) async throws {
        try await database.write { [caches = states.caches] transaction in
            try RoomStores(transaction, caches: caches, .writing).setPublished(isPublished, room)
        }
    }

    /// Whether the requester may decide under which names the room is found: who may set its canonical alias, and
    /// administrators of this server.
    /// - Throws: 403 if they are not in the room.
    private func mayCurate(_ room: RoomHandle, _ requester: Requester) async throws -> Bool {
        if requester.isAdmin { return true }
        guard try await isJoined(requester, to: room) else {
            throw MatrixError.forbidden("User \(requester.user) not in room \(room.id)")
        }
        let state = try await states.current([.powerLevels, .create], in: room)
        let levels = PowerLevels(content: state[.powerLevels]?.content, create: state[.create], version: room.version)
        return levels.level(of: requester.user) >= levels.required(for: .canonicalAlias, state: true)
    }
}
