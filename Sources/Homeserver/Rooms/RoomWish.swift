import MatrixCore
import Storage

/// A valid request for a new room.
struct RoomWish: Sendable {
    let version: RoomVersion
    let preset: RoomPreset
    let isPublished: Bool
    let aliasName: String?
    let invitees: [UserID]
    let isDirect: Bool
    private let creationContent: JSONObject
    private let powerLevels: JSONObject
    private let initialState: [InitialState]
    /// Member events among the initial state, for after the room is made.
    let members: [(user: UserID, content: JSONObject)]

    private struct InitialState: Sendable {
        let key: StateKey
        let content: JSONObject
    }

    /// How much a request may ask for at once.
    private static let maximumInvitees = 1_000
    private static let maximumInitialState = 500

    /// Reads the body of `createRoom`.
    /// - Throws: `MatrixError` 400 for what is missing, malformed or not to be had.
    /// - Parameter initialStateLimit: How many entries of `initial_state` to take.
    init(
        _ request: JSONObject, by creator: UserID, settings: RoomSettings,
        initialStateLimit: Int = Self.maximumInitialState
    ) throws(MatrixError) {
        version = try Self.version(request, standard: settings.defaultVersion)
        isPublished = request["visibility"]?.stringValue == "public"
        preset = try Self.preset(request, isPublished: isPublished)
        aliasName = try Self.text("room_alias_name", in: request)
        isDirect = request.bool("is_direct") ?? false
        invitees = try Self.invitees(request)
        creationContent = try Self.creationContent(
            request, version: version, creator: creator, invitees: preset == .trustedPrivateChat ? invitees : [])
        powerLevels = try Self.powerLevels(
            request, version: version, preset: preset, creator: creator, invitees: invitees, settings: settings)
        initialState = try Self.initialState(
            request, preset: preset, settings: settings, limit: initialStateLimit)
        members = try Self.members(request, creator: creator)
    }

    // MARK: Reading

    private static func bad(_ message: String, _ code: ErrorCode = .unknown) -> MatrixError {
        MatrixError(status: 400, code: code, message: message)
    }

    private static func text(_ key: String, in request: JSONObject) throws(MatrixError) -> String? {
        guard let value = request[key], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw bad("'\(key)' not a string type") }
        return text
    }

    private static func version(_ request: JSONObject, standard: RoomVersion) throws(MatrixError) -> RoomVersion {
        guard let value = request["room_version"] else { return standard }
        guard let id = value.stringValue else { throw bad("room_version must be a string", .badJSON) }
        guard let version = RoomVersion(id) else {
            throw bad("Your homeserver does not support this room version", .unsupportedRoomVersion)
        }
        return version
    }

    private static func preset(_ request: JSONObject, isPublished: Bool) throws(MatrixError) -> RoomPreset {
        guard let value = request["preset"] else { return isPublished ? .publicChat : .privateChat }
        guard let preset = value.stringValue.flatMap(RoomPreset.init(rawValue:)) else {
            throw bad("'\(value.stringValue ?? "")' is not a valid preset", .badJSON)
        }
        return preset
    }

    private static func invitees(_ request: JSONObject) throws(MatrixError) -> [UserID] {
        guard let value = request["invite"] else { return [] }
        guard let names = value.stringArrayValue else { throw bad("'invite' must be an array of user IDs", .badJSON) }
        guard names.count <= maximumInvitees else { throw bad("Too many invitees", .invalidParam) }
        if let entries = request.array("invite_3pid"), !entries.isEmpty {
            throw MatrixError.forbidden("This server has no identity server to invite third-party identifiers by")
        }
        var users: [UserID] = []
        for name in names {
            guard let user = UserID(name) else { throw bad("Invalid user_id: \(name)") }
            if !users.contains(user) { users.append(user) }
        }
        return users
    }

    private static func creationContent(
        _ request: JSONObject, version: RoomVersion, creator: UserID, invitees: [UserID]
    ) throws(MatrixError) -> JSONObject {
        var content = JSONObject()
        if let value = request["creation_content"] {
            guard let object = value.objectValue else { throw bad("creation_content must be an object", .badJSON) }
            content = object
        }
        content["room_version"] = .string(version.id)
        content["creator"] = version.authorization.creatorIsSender ? content["creator"] : .string(creator.string)
        guard version.eventFormat.roomIDIsCreateHash else { return content }
        var creators: [String] = []
        if let value = content["additional_creators"] {
            guard let entries = value.arrayValue else { throw bad("additional_creators is not an array", .forbidden) }
            for entry in entries {
                guard let name = entry.stringValue else {
                    throw bad("entry in additional_creators is not a string", .forbidden)
                }
                guard UserID(name) != nil else { throw bad("\(name) is not a valid user ID", .forbidden) }
                creators.append(name)
            }
        }
        for user in invitees where user != creator && !creators.contains(where: { $0.hasSameBytes(as: user.string) }) {
            creators.append(user.string)
        }
        content["additional_creators"] = creators.isEmpty ? nil : .array(creators.map { .string($0) })
        return content
    }

    private static func powerLevels(
        _ request: JSONObject, version: RoomVersion, preset: RoomPreset, creator: UserID, invitees: [UserID],
        settings: RoomSettings
    ) throws(MatrixError) -> JSONObject {
        let hasPrivilegedCreators = version.eventFormat.roomIDIsCreateHash
        var users = JSONObject()
        if !hasPrivilegedCreators {
            users[creator.string] = 100
            if preset == .trustedPrivateChat { for user in invitees { users[user.string] = 100 } }
        }
        var events: JSONObject = [
            "m.room.name": 50, "m.room.power_levels": 100, "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50, "m.room.avatar": 50, "m.room.tombstone": hasPrivilegedCreators ? 150 : 100,
            "m.room.server_acl": 100, "m.room.encryption": 100,
        ]
        // Where anyone can join, not anyone should ring everybody.
        if preset == .publicChat { events["m.call.invite"] = 50 }
        var content: JSONObject = [
            "users": .object(users), "users_default": 0, "events": .object(events), "events_default": 0,
            "state_default": 50, "ban": 50, "kick": 50, "redact": 50, "invite": preset == .publicChat ? 50 : 0,
            "historical": 100,
        ]
        for (key, value) in settings.powerLevelOverrides[preset] ?? [:] { content[key] = value }
        guard let value = request["power_level_content_override"] else { return content }
        guard let override = value.objectValue else {
            throw bad("power_level_content_override must be an object", .badJSON)
        }
        if let users = override["users"], !hasPrivilegedCreators {
            guard users.objectValue?.contains(creator.string) ?? false else {
                throw bad("Not a valid power_level_content_override: 'users' did not contain \(creator)")
            }
        }
        for (key, value) in override { content[key] = value }
        return content
    }

    private static func initialState(
        _ request: JSONObject, preset: RoomPreset, settings: RoomSettings, limit: Int
    ) throws(MatrixError) -> [InitialState] {
        var entries: [InitialState] = []
        func set(_ key: StateKey, _ content: JSONObject) {
            entries.removeAll { $0.key == key }
            entries.append(InitialState(key: key, content: content))
        }
        set(.joinRules, ["join_rule": preset == .publicChat ? "public" : "invite"])
        set(.historyVisibility, ["history_visibility": "shared"])
        if preset != .publicChat { set(StateKey(.guestAccess), ["guest_access": "can_join"]) }
        if settings.encryptedPresets.contains(preset) {
            set(StateKey(.encryption), ["algorithm": "m.megolm.v1.aes-sha2"])
        }
        let given = request["initial_state"] ?? []
        guard let list = given.arrayValue ?? (given.objectValue?.isEmpty == true ? [] : nil) else {
            throw bad("initial_state must be an array", .badJSON)
        }
        guard list.count <= limit else { throw bad("Too much initial_state", .invalidParam) }
        for entry in list {
            guard let type = entry["type"]?.stringValue, let content = entry["content"]?.objectValue else {
                throw bad("An entry of initial_state needs a 'type' and an object 'content'", .badJSON)
            }
            let key = StateKey(EventType(type), entry["state_key"]?.stringValue ?? "")
            // The server sees to the room's creation itself, and to memberships once there is a room.
            if [.create, .member].contains(key.type) { continue }
            set(key, content)
        }
        if let name = try text("name", in: request) { set(StateKey(.name), ["name": .string(name)]) }
        if let topic = try text("topic", in: request) {
            set(
                StateKey(.topic),
                ["topic": .string(topic), "m.topic": ["m.text": [["body": .string(topic)]]]])
        }
        return entries
    }

    /// The member events in `initial_state`; the creator's own join needs none.
    private static func members(
        _ request: JSONObject, creator: UserID
    ) throws(MatrixError) -> [(user: UserID, content: JSONObject)] {
        var members: [(user: UserID, content: JSONObject)] = []
        for entry in request.array("initial_state") ?? [] where entry["type"]?.stringValue == EventType.member.string {
            guard let key = entry["state_key"]?.stringValue, let user = UserID(key),
                let content = entry["content"]?.objectValue
            else { throw .invalidParam("A member event in initial_state needs a user ID as its 'state_key'") }
            guard let membership = content.string("membership").flatMap(Membership.init(rawValue:)) else {
                throw bad("Invalid membership key")
            }
            if user == creator, membership == .join { continue }
            if membership == .join || membership == .knock {
                throw .forbidden("Cannot force another user to \(membership.rawValue).")
            }
            members.append((user, content))
        }
        return members
    }

    // MARK: Events

    /// What is to be said in the room, in order.
    /// - Parameter profile: What the creator's member event shows of them.
    func intents(by creator: UserID, profile: JSONObject, alias: RoomAlias?) -> [EventIntent] {
        func intent(_ key: StateKey, _ content: JSONObject) -> EventIntent {
            EventIntent(type: key.type, stateKey: key.key, content: content, sender: creator)
        }
        var member = profile
        member["membership"] = "join"
        let givenLevels = initialState.first { $0.key == .powerLevels }?.content
        var intents = [
            intent(.create, creationContent), intent(.member(creator), member),
            intent(.powerLevels, givenLevels ?? powerLevels),
        ]
        if let alias { intents.append(intent(StateKey(.canonicalAlias), ["alias": .string(alias.string)])) }
        intents += initialState.filter { $0.key != .powerLevels }.map { intent($0.key, $0.content) }
        return intents
    }
}

extension UserProfile {
    /// What a member event shows of the profile.
    var memberContent: JSONObject {
        var content = JSONObject()
        if let displayName { content.appendNew("displayname", .string(displayName)) }
        if let avatarURL { content.appendNew("avatar_url", .string(avatarURL)) }
        return content
    }
}
