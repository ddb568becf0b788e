package import MatrixCore

/// What the configuration says about rooms.
package struct RoomSettings: Sendable {
    package var serverName: ServerName
    /// The version of new rooms (`default_room_version`).
    package var defaultVersion: RoomVersion = .standard
    /// Which new rooms are encrypted (`encryption_enabled_by_default_for_room_type`).
    package var encryptedPresets: Set<RoomPreset> = []
    /// Members of the power levels that replace ours, by preset (`default_power_level_content_override`).
    package var powerLevelOverrides: [RoomPreset: JSONObject] = [:]
    /// Whether only server administrators may invite (`block_non_admin_invites`).
    package var blocksInvites = false
    /// Who may create which alias, first match counts (`alias_creation_rules`).
    package var aliasRules: [DirectoryRule] = [.allowAll]
    /// Who may publish which room, first match counts (`room_list_publication_rules`).
    package var publicationRules: [DirectoryRule] = [.allowAll]
    /// Whether the room directory can be searched (`enable_room_list_search`).
    package var listsRooms = true
    /// Whether the room directory is shown to anyone (`allow_public_rooms_without_auth`).
    package var showsDirectoryToAnyone = false
    /// Rooms that new users join (`auto_join_rooms`).
    package var autoJoinRooms: [RoomAlias] = []

    package init(serverName: ServerName) { self.serverName = serverName }
}

/// A set of defaults for a new room.
///
/// Spec: [createRoom](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom), preset.
package enum RoomPreset: String, Sendable, CaseIterable {
    case publicChat = "public_chat"
    case privateChat = "private_chat"
    case trustedPrivateChat = "trusted_private_chat"
}

/// One rule on aliases or publication; `*` in a pattern stands for any text, `?` for one character.
package struct DirectoryRule: Hashable, Sendable {
    package var user: String
    package var alias: String
    package var room: String
    package var allows: Bool

    package init(user: String = "*", alias: String = "*", room: String = "*", allows: Bool) {
        self.user = user
        self.alias = alias
        self.room = room
        self.allows = allows
    }

    package static let allowAll = DirectoryRule(allows: true)

    /// Whether the rule is on this user, room and any of these aliases; a room without one counts as an empty alias.
    package func matches(user: UserID, aliases: [RoomAlias], room: RoomID) -> Bool {
        guard Self.glob(self.user, user.string), Self.glob(self.room, room.string) else { return false }
        return aliases.isEmpty ? Self.glob(alias, "") : aliases.contains { Self.glob(alias, $0.string) }
    }

    /// Whether the whole of `text` fits `pattern`. Runs in time linear in their product, whatever the pattern.
    static func glob(_ pattern: String, _ text: String) -> Bool {
        let pattern = Array(pattern.unicodeScalars)
        let text = Array(text.unicodeScalars)
        var reachable = [Bool](repeating: false, count: text.count + 1)
        reachable[0] = true
        for symbol in pattern {
            var next = [Bool](repeating: false, count: text.count + 1)
            if symbol == "*" {
                var any = false
                for index in 0...text.count {
                    any = any || reachable[index]
                    next[index] = any
                }
            } else {
                for index in 0..<text.count where reachable[index] && (symbol == "?" || symbol == text[index]) {
                    next[index + 1] = true
                }
            }
            reachable = next
        }
        return reachable[text.count]
    }
}
