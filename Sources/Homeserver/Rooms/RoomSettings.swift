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
    /// A rule on what a user may do with a room and its aliases.
    package typealias DirectoryRule = @Sendable (UserID, RoomID?, [RoomAlias]) -> Bool
    /// Who may create which alias (`alias_creation_rules`); the room is `nil` while it is being created.
    package var mayCreateAlias: DirectoryRule = { _, _, _ in true }
    /// Who may publish which room (`room_list_publication_rules`).
    package var mayPublish: DirectoryRule = { _, _, _ in true }
    /// Whether only members of a room may give it aliases (`require_membership_for_aliases`).
    package var aliasesRequireMembership = true
    /// Whether a room that is left is forgotten as well (`forget_rooms_on_leave`).
    package var forgetsOnLeave = false
    /// Whether a member event may name its user otherwise than the profile (`allow_per_room_profiles`).
    package var allowsPerRoomProfiles = true
    /// Whether invites show the invited user's name and avatar (`include_profile_data_on_invite`).
    package var showsProfileOnInvite = true
    /// The state that somebody who is invited or knocks is shown (`room_prejoin_state`).
    package var strippedState: [StateKey] = StrippedState.standardKeys
    /// Rooms that no answer to `/sync` shows (`exclude_rooms_from_sync`).
    package var excludedFromSync: Set<RoomID> = []
    /// Whether the room directory can be searched (`enable_room_list_search`).
    package var listsRooms = true
    /// Whether the room directory is shown to anyone (`allow_public_rooms_without_auth`).
    package var showsDirectoryToAnyone = false
    /// How long answers to what shadow-banned users do take, in milliseconds.
    package var shadowBanDelay: ClosedRange<Int64> = 1_000...10_000

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
