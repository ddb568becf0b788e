package import MatrixCore

/// What new rooms are like and what may be done in rooms. Synapse's manual: "Rooms" and "Server".
package struct RoomSettings: Sendable {
    package enum Encryption: Sendable, Hashable {
        case never
        /// Rooms made with a preset that admits only invited users.
        case invitedOnly
        case always
    }

    /// A kind of state event shown to those who are invited.
    package struct PrejoinEvent: Sendable, Hashable {
        package let type: EventType
        /// `nil` is every state key.
        package let stateKey: String?
    }

    /// `default_room_version`
    package var defaultVersion: RoomVersion
    /// `encryption_enabled_by_default_for_room_type`
    package var encryptionByDefault: Encryption
    /// `default_power_level_content_override`: by preset, what replaces members of the first power levels' content.
    package var powerLevelOverrides: [String: JSONObject]
    /// `filter_timeline_limit`: the most events a filter may ask for; `nil` is any number.
    package var filterTimelineLimit: Int?
    /// `block_non_admin_invites`
    package var onlyAdminsInvite: Bool
    /// `forget_rooms_on_leave`
    package var forgetsOnLeave: Bool
    /// `exclude_rooms_from_sync`
    package var excludedFromSync: Set<RoomID>
    /// `room_prejoin_state.disable_default_event_types`: whether only ``additionalPrejoinEvents`` are shown.
    package var disablesDefaultPrejoinEvents: Bool
    /// `room_prejoin_state.additional_event_types`
    package var additionalPrejoinEvents: [PrejoinEvent]

    /// The presets `default_power_level_content_override` may name.
    static let presets = ["private_chat", "trusted_private_chat", "public_chat"]

    init(_ options: OptionReader) {
        defaultVersion = Self.version(options)
        encryptionByDefault = Self.encryption(options)
        powerLevelOverrides = [:]
        for member in options.section("default_power_level_content_override")?.members ?? [] {
            let section = options.options("default_power_level_content_override")
            guard Self.presets.contains(member.key) else {
                section.fail(
                    member.key, "not a preset of rooms", fix: "use one of: \(Self.presets.joined(separator: ", "))")
                continue
            }
            if let content = section.object(member.key) { powerLevelOverrides[member.key] = content }
        }
        let limit = options.integer("filter_timeline_limit", in: -1...Int(Int32.max)) ?? 100
        filterTimelineLimit = limit < 0 ? nil : limit
        onlyAdminsInvite = options.bool("block_non_admin_invites", default: false)
        forgetsOnLeave = options.bool("forget_rooms_on_leave", default: false)
        excludedFromSync = []
        for string in options.strings("exclude_rooms_from_sync") ?? [] {
            if let room = RoomID(string) {
                excludedFromSync.insert(room)
            } else {
                options.fail("exclude_rooms_from_sync", "'\(string)' is not a room ID", fix: "it begins with '!'")
            }
        }
        let prejoin = options.options("room_prejoin_state")
        disablesDefaultPrejoinEvents = prejoin.bool("disable_default_event_types", default: false)
        additionalPrejoinEvents = Self.prejoinEvents(prejoin)
    }

    private static func version(_ options: OptionReader) -> RoomVersion {
        let key = "default_room_version"
        let text: String? =
            if case .integer(let number) = options.node(key)?.value { "\(number)" } else { options.string(key) }
        guard let text else { return .standard }
        if let version = RoomVersion(text) { return version }
        let known = RoomVersion.supported.map { "'\($0.id)'" }.joined(separator: ", ")
        options.fail(key, "'\(text)' is not a room version this server knows", fix: "use one of: \(known)")
        return .standard
    }

    private static func encryption(_ options: OptionReader) -> Encryption {
        let key = "encryption_enabled_by_default_for_room_type"
        switch options.node(key)?.value {
        // Without quotes, YAML takes 'off' for false.
        case nil, .bool(false), .string("off"): return .never
        case .string("invite"): return .invitedOnly
        case .string("all"): return .always
        default:
            options.fail(key, "not understood", fix: "use 'all', 'invite' or 'off'")
            return .never
        }
    }

    private static func prejoinEvents(_ options: OptionReader) -> [PrejoinEvent] {
        let key = "additional_event_types"
        guard let node = options.node(key) else { return [] }
        let entries = (node.array ?? [node]).map { entry -> PrejoinEvent? in
            if let type = entry.string { return PrejoinEvent(type: EventType(type), stateKey: nil) }
            guard let pair = entry.array, pair.count == 2, let type = pair[0].string, let key = pair[1].string else {
                return nil
            }
            return PrejoinEvent(type: EventType(type), stateKey: key)
        }
        if entries.contains(where: { $0 == nil }) {
            options.fail(key, "not understood", fix: "list event types, or pairs '[type, state key]'")
        }
        return entries.compactMap(\.self)
    }
}

/// Aliases and the room directory. Synapse's manual: "Rooms" and "Server".
package struct DirectorySettings: Sendable {
    /// `enable_room_list_search`: if not, the directory answers with nothing.
    package var isSearchable: Bool
    /// `allow_public_rooms_without_auth`
    package var isOpenToAnyone: Bool
    /// `require_membership_for_aliases`
    package var aliasesRequireMembership: Bool
    /// `alias_creation_rules`: who may create which alias.
    package var aliasRules: DirectoryRules
    /// `room_list_publication_rules`: who may put which room into the directory.
    package var publicationRules: DirectoryRules

    init(_ options: OptionReader) {
        isSearchable = options.bool("enable_room_list_search", default: true)
        isOpenToAnyone = options.bool("allow_public_rooms_without_auth", default: false)
        aliasesRequireMembership = options.bool("require_membership_for_aliases", default: true)
        aliasRules = DirectoryRules(options, "alias_creation_rules", withoutRules: .allow)
        // Since 1.126 Synapse leaves publishing to server administrators unless rules say otherwise.
        publicationRules = DirectoryRules(options, "room_list_publication_rules", withoutRules: .deny)
    }
}

/// A list of rules, of which the first that matches decides. What none matches is denied.
package struct DirectoryRules: Sendable, Hashable {
    package enum Action: String, Sendable, CaseIterable { case allow, deny }

    struct Rule: Sendable, Hashable {
        let user: Glob
        let alias: Glob
        let room: Glob
        let action: Action
    }

    private var rules: [Rule]

    init(_ options: OptionReader, _ key: String, withoutRules action: Action) {
        let any = Glob("*")
        guard options.has(key) else {
            rules = [Rule(user: any, alias: any, room: any, action: action)]
            return
        }
        rules = options.sections(key).map { rule in
            Rule(
                user: rule.text("user_id").map(Glob.init) ?? any, alias: rule.text("alias").map(Glob.init) ?? any,
                room: rule.text("room_id").map(Glob.init) ?? any, action: rule.choice("action") ?? .allow)
        }
    }

    /// Whether `user` may do with `room` what the rules are about.
    /// - Parameter aliases: The alias to create, or those of a room to publish; a rule about aliases matches if it matches
    ///   one of them, and one about every alias also matches a room without any.
    package func allow(user: UserID, room: RoomID, aliases: [RoomAlias]) -> Bool {
        for rule in rules
        where rule.user.matches(user.string) && rule.room.matches(room.string)
            && (rule.alias.matchesEverything || aliases.contains { rule.alias.matches($0.string) })
        {
            return rule.action == .allow
        }
        return false
    }
}

/// A pattern in which `*` stands for any text and `?` for one character. Upper and lower case ASCII are the same.
package struct Glob: Sendable, Hashable {
    private let pattern: [UInt8]

    package init(_ pattern: String) { self.pattern = pattern.utf8.map(Self.lowercased) }

    var matchesEverything: Bool { !pattern.isEmpty && pattern.allSatisfy { $0 == UInt8(ascii: "*") } }

    /// Takes time proportional to the product of both lengths at worst, never more.
    package func matches(_ text: String) -> Bool {
        let text = text.utf8.map(Self.lowercased)
        var (position, index) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while index < text.count {
            if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
                star = (position, index)
                position += 1
            } else if position < pattern.count, pattern[position] == UInt8(ascii: "?") {
                position += 1
                index += 1
                while index < text.count, text[index] & 0xC0 == 0x80 { index += 1 }
            } else if position < pattern.count, pattern[position] == text[index] {
                position += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                (position, index) = (last.pattern + 1, last.text + 1)
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}

/// Whether it is told who is online. Synapse's manual: `presence.enabled`.
package enum PresenceMode: Sendable, Hashable {
    case enabled
    /// What others tell is passed on; our own users' activity is not watched.
    case untracked
    case disabled

    init(_ options: OptionReader) {
        let section = options.options("presence")
        switch section.node("enabled")?.value {
        case .string("untracked"): self = .untracked
        case .string:
            self = .enabled
            section.fail("enabled", "not understood", fix: "use true, false or 'untracked'")
        case nil: self = options.bool("use_presence", default: true) ? .enabled : .disabled
        default: self = section.bool("enabled", default: true) ? .enabled : .disabled
        }
    }
}
