package import MatrixCore
import ModuleAPI
import SQLEngine
import Storage

/// Moving a room to another version: a new room takes its place.
///
/// Spec: Client-Server API, [Room Upgrades](https://spec.matrix.org/v1.19/client-server-api/#room-upgrades).
extension RoomCreation {
    /// What an upgrade takes over, beside the bans.
    private static let copiedState: [StateFilterEntry] = [
        StateFilterEntry(.create, ""), StateFilterEntry(.powerLevels, ""), StateFilterEntry(.joinRules, ""),
        StateFilterEntry(.name, ""), StateFilterEntry(.topic, ""), StateFilterEntry(.avatar, ""),
        StateFilterEntry(.historyVisibility, ""), StateFilterEntry(.guestAccess, ""),
        StateFilterEntry(.encryption, ""), StateFilterEntry(.serverACL, ""), StateFilterEntry(.canonicalAlias, ""),
    ]

    /// Replaces a room by a new one of another version, with its name, its rules, its aliases and its bans. Its members are
    /// told by a tombstone, and join by themselves.
    /// - Parameter additionalCreators: As in the request, for versions whose rooms have several.
    /// - Throws: 404 `M_NOT_FOUND` for an unknown room; 403 if the requester may not send the tombstone.
    package func upgrade(
        _ id: RoomID, to version: RoomVersion, additionalCreators: JSON?, by requester: Requester
    ) async throws -> RoomID {
        guard let old = try await sender.states.room(id) else { throw MatrixError.notFound("Unknown room id \(id)") }
        if requester.isShadowBanned {
            try await memberships.shadowBan.wait()
            return newRoomID()
        }
        try limiter.check(.roomCreation, key: requester.user.string, for: requester)
        let key = Upgrade(room: old.number, version: version.id, user: requester.user)
        return try await upgrades.withLock(on: key) {
            // A request that is repeated, because its answer was lost, is not to make a second room.
            if let replacement = recentUpgrades[key] { return replacement }
            let replacement = try await replace(
                old, by: version, try Self.creators(additionalCreators, in: version), requester)
            recentUpgrades.insert(replacement, for: key)
            return replacement
        }
    }

    struct Upgrade: Hashable, Sendable {
        let room: RoomNumber
        let version: String
        let user: UserID
    }

    private static func creators(_ value: JSON?, in version: RoomVersion) throws(MatrixError) -> [String] {
        guard let value, version.eventFormat.roomIDIsCreateHash else { return [] }
        func refused(_ message: String) -> MatrixError {
            MatrixError(status: 400, code: .forbidden, message: message)
        }
        guard let entries = value.arrayValue else { throw refused("additional_creators must be an array") }
        var names: [String] = []
        for entry in entries {
            guard let name = entry.stringValue, UserID(name) != nil else {
                throw refused("entry in additional_creators is not a valid user ID")
            }
            names.append(name)
        }
        return names
    }

    private func replace(
        _ old: RoomHandle, by version: RoomVersion, _ creators: [String], _ requester: Requester
    ) async throws -> RoomID {
        var filter = Self.copiedState
        let create = try await sender.states.current(.create, in: old)
        if create?.content.string("type") == "m.space" { filter.append(StateFilterEntry(.spaceChild)) }
        let state = try await sender.states.current(filter, in: old)
        let user = requester.user
        var levels = CopiedLevels(state, from: old.version, to: version, by: user, creators)

        var creationContent: JSONObject = ["room_version": .string(version.id)]
        creationContent["type"] = create?.content["type"]
        if create?.content.bool("m.federate") == false { creationContent["m.federate"] = false }
        if !creators.isEmpty { creationContent["additional_creators"] = .array(creators.map { .string($0) }) }
        var predecessor: JSONObject = ["room_id": .string(old.id.string)]

        var graph = NewRoomGraph(
            version: version, composer: sender.composer, modules: sender.modules,
            roomID: version.eventFormat.roomIDIsCreateHash ? nil : newRoomID())
        let tombstone: PendingSend
        if let replacement = graph.roomID {
            tombstone = try await sender.prepare(Self.tombstone(for: replacement, by: user), in: old)
            predecessor["event_id"] = tombstone.draft.map { .string($0.event.eventID.string) }
            creationContent["predecessor"] = .object(predecessor)
        } else {
            // The room's ID is the hash of its first event.
            creationContent["predecessor"] = .object(predecessor)
            try await appendCreate(creationContent, by: user, to: &graph)
            guard let replacement = graph.roomID else { throw MatrixError.internalError }
            tombstone = try await sender.prepare(Self.tombstone(for: replacement, by: user), in: old)
        }
        let initialState = Self.initialState(state, levels.initial)
        let configuration: JSONObject = [
            "creation_content": .object(creationContent), "initial_state": .array(initialState),
        ]
        // Administrators are not exempt here.
        try await modules.userMayCreateRoom(user: user, configuration: configuration)
        if graph.events.isEmpty { try await appendCreate(creationContent, by: user, to: &graph) }

        var request = configuration
        request["room_version"] = .string(version.id)
        request["preset"] = .string(RoomPreset.privateChat.rawValue)
        let wish = try RoomWish(request, by: user, settings: settings, initialStateLimit: .max)
        let profile = try await database.read { try $0.profiles.profile(of: user) }?.memberContent ?? [:]
        for intent in wish.intents(by: user, profile: profile, alias: nil).dropFirst() {
            try await graph.append(intent)
        }
        for (banned, content) in try await bans(in: old) {
            try await graph.append(
                EventIntent(type: .member, stateKey: banned.string, content: content, sender: user))
        }
        guard let replacement = graph.roomID else { throw MatrixError.internalError }
        let new = try await sender.createRoom(replacement, version: version, events: graph.events) { stores, new in
            for alias in try stores.aliases(of: old) {
                let creator = try stores.creator(of: alias)
                try stores.deleteAlias(alias)
                _ = try stores.insertAlias(alias, of: new, creator: creator ?? user)
            }
            if try stores.isPublished(old) {
                try stores.setPublished(true, new)
                try stores.setPublished(false, old)
            }
        }
        levels.settle()
        let settled = levels
        // In a task of its own: a client that hangs up is not to leave an old room beside the new one.
        try await Task { [self] in
            _ = try await sender.deliver(tombstone, to: old)
            await moveCanonicalAlias(state[StateKey(.canonicalAlias)], from: old, to: new, by: user)
            if let content = settled.restricted { await tryToSet(.powerLevels, content, in: old, by: user) }
            if let content = settled.final { await tryToSet(.powerLevels, content, in: new, by: user) }
        }.value
        return replacement
    }

    private func newRoomID() -> RoomID {
        RoomID(trusted: "!\(random.letters(18)):\(settings.serverName)")
    }

    private static func tombstone(for replacement: RoomID, by user: UserID) -> EventIntent {
        let content: JSONObject = [
            "body": "This room has been replaced", "replacement_room": .string(replacement.string),
        ]
        return EventIntent(type: .tombstone, stateKey: "", content: content, sender: user)
    }

    private func appendCreate(_ content: JSONObject, by user: UserID, to graph: inout NewRoomGraph) async throws {
        var content = content
        if !graph.version.authorization.creatorIsSender { content["creator"] = .string(user.string) }
        var intent = EventIntent(type: .create, stateKey: "", content: content, sender: user)
        intent.originServerTS = creationTime()
        try await graph.append(intent)
    }

    private static func initialState(_ state: [StateKey: Event], _ levels: JSONObject?) -> [JSON] {
        var entries: [JSON] = []
        for (key, event) in state.sorted(by: { $0.key < $1.key }) where ![.create, .canonicalAlias].contains(key.type) {
            // A child without content is one that was removed.
            if key.type == .spaceChild, event.content.isEmpty { continue }
            let content = key.type == .powerLevels ? levels ?? event.content : event.content
            entries.append([
                "type": .string(key.type.string), "state_key": .string(key.key), "content": .object(content),
            ])
        }
        return entries
    }

    private func bans(in room: RoomHandle) async throws -> [(user: UserID, content: JSONObject)] {
        try await database.read { [caches = sender.states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try stores.members(of: room.number, [.ban]).map { record in
                var content: JSONObject = ["membership": "ban"]
                content["reason"] = try stores.parsedEvent(record.event)?.content["reason"]
                return (try stores.user(record.user), content)
            }
        }
    }

    private func moveCanonicalAlias(
        _ event: Event?, from old: RoomHandle, to new: RoomHandle, by user: UserID
    ) async {
        guard let event, !event.content.isEmpty else { return }
        await tryToSet(.canonicalAlias, [:], in: old, by: user)
        await tryToSet(.canonicalAlias, event.content, in: new, by: user)
    }

    /// Sets what makes the change complete, where the user may.
    private func tryToSet(_ type: EventType, _ content: JSONObject, in room: RoomHandle, by user: UserID) async {
        _ = try? await sender.send(EventIntent(type: type, stateKey: "", content: content, sender: user), to: room)
    }
}

/// The power levels of a room and of the one that replaces it.
private struct CopiedLevels: Sendable {
    /// For the first events of the new room: those of the old, with enough for whoever makes it.
    private(set) var initial: JSONObject?
    /// For the new room in the end, if others.
    private(set) var final: JSONObject?
    /// For the old room, in which nobody is to talk any more.
    private(set) var restricted: JSONObject?

    init(
        _ state: [StateKey: Event], from old: RoomVersion, to new: RoomVersion, by user: UserID, _ creators: [String]
    ) {
        guard let content = state[.powerLevels]?.content else { return }
        var copy = content
        var users = content.object("users") ?? [:]
        if new.eventFormat.roomIDIsCreateHash {
            for creator in [user.string] + creators { users[creator] = nil }
            copy["users"] = .object(users)
            initial = copy
        } else {
            let needed = Self.needed(content)
            if old.eventFormat.roomIDIsCreateHash, let create = state[.create] {
                // They had no levels, being above them.
                let others = create.content.array("additional_creators") ?? []
                for creator in [create.sender.string] + others.compactMap(\.stringValue) {
                    users[creator] = .integer(max(needed, 100))
                }
            }
            copy["users"] = .object(users)
            let level = users.integer(user.string) ?? content.integer("users_default") ?? 0
            initial = copy
            if level < needed {
                final = copy
                users[user.string] = .integer(needed)
                initial?["users"] = .object(users)
            }
        }
        restricted = content
    }

    /// The level that setting up the room takes.
    private static func needed(_ content: JSONObject) -> Int64 {
        let single = ["state_default", "ban", "events_default"].map { content.integer($0) ?? 50 }
        let events = (content.object("events") ?? [:]).compactMap { $0.value.integerValue }
        return (single + events).max() ?? 100
    }

    /// Works out what holds once there is a new room.
    mutating func settle() {
        guard var content = restricted else { return }
        let least = max(50, (content.integer("users_default") ?? 0) + 1)
        let before = content
        for key in ["events_default", "invite"] where (content.integer(key) ?? 0) < least {
            content[key] = .integer(least)
        }
        restricted = content == before ? nil : content
    }
}
