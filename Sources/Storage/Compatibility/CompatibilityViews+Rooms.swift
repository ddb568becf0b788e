/// Views of rooms and who is in them.
extension ViewDialect {
    var roomViews: [CompatibilityView] {
        [
            rooms, roomMemberships, localCurrentMembership, roomAliases, roomAliasServers, roomStatsState,
            roomStatsCurrent,
        ]
    }

    private static let members = "use ModuleApi.update_room_membership"
    private static let aliases = "use ModuleApi.create_room, or the client API's room directory"
    private static let statistics = "the server derives it from the room's state"

    private var rooms: CompatibilityView {
        CompatibilityView(
            "rooms", instead: "use ModuleApi.create_room, ModuleApi.delete_room or ModuleApi.public_room_list_manager",
            """
            SELECT r.room_id AS room_id, r.is_published <> 0 AS is_public,
                \(state(of: "r.room", "m.room.create", ["sender"])) AS creator, r.version AS room_version,
                1 = 1 AS has_auth_chain_index
            FROM \(table("rooms")) r
            """)
    }

    private var roomMemberships: CompatibilityView {
        CompatibilityView(
            "room_memberships", instead: Self.members,
            """
            SELECT e.event_id AS event_id, k.state_key AS user_id, \(member("j.pdu", ["sender"])) AS sender,
                r.room_id AS room_id,
                COALESCE(\(membership("m.membership")), \(member("j.pdu", ["content", "membership"]))) AS membership,
                COALESCE(m.forgotten, 0) AS forgotten, \(member("j.pdu", ["content", "displayname"])) AS display_name,
                \(member("j.pdu", ["content", "avatar_url"])) AS avatar_url, e.event AS event_stream_ordering,
                1 = 0 AS participant
            FROM \(table("events")) e
                JOIN \(table("state_keys")) k ON k.number = e.state_key AND k.type = 'm.room.member'
                JOIN \(table("rooms")) r ON r.room = e.room JOIN \(table("event_json")) j ON j.event = e.event
                LEFT JOIN \(table("memberships")) m
                    ON m.user_key = e.state_key AND m.room = e.room AND m.event = e.event
            """)
    }

    private var localCurrentMembership: CompatibilityView {
        CompatibilityView(
            "local_current_membership", instead: Self.members,
            """
            SELECT r.room_id AS room_id, k.state_key AS user_id, e.event_id AS event_id,
                \(membership("m.membership")) AS membership, e.event AS event_stream_ordering
            FROM \(table("memberships")) m JOIN \(table("rooms")) r ON r.room = m.room
                JOIN \(table("state_keys")) k ON k.number = m.user_key JOIN \(table("events")) e ON e.event = m.event
            WHERE m.is_local = 1
            """)
    }

    private var roomAliases: CompatibilityView {
        CompatibilityView(
            "room_aliases", instead: Self.aliases,
            """
            SELECT a.alias AS room_alias, r.room_id AS room_id, a.creator AS creator
            FROM \(table("room_aliases")) a JOIN \(table("rooms")) r ON r.room = a.room
            """)
    }

    private var roomAliasServers: CompatibilityView {
        CompatibilityView(
            "room_alias_servers", instead: Self.aliases,
            """
            SELECT a.alias AS room_alias, \(server("a.alias")) AS server FROM \(table("room_aliases")) a
            """)
    }

    private var roomStatsState: CompatibilityView {
        let federate = state(of: "r.room", "m.room.create", ["content", "m.federate"])
        return CompatibilityView(
            "room_stats_state", instead: Self.statistics,
            """
            SELECT r.room_id AS room_id, \(state(of: "r.room", "m.room.name", ["content", "name"])) AS name,
                \(state(of: "r.room", "m.room.canonical_alias", ["content", "alias"])) AS canonical_alias,
                \(state(of: "r.room", "m.room.join_rules", ["content", "join_rule"])) AS join_rules,
                \(state(of: "r.room", "m.room.history_visibility", ["content", "history_visibility"]))
                    AS history_visibility,
                \(state(of: "r.room", "m.room.encryption", ["content", "algorithm"])) AS encryption,
                \(state(of: "r.room", "m.room.avatar", ["content", "url"])) AS avatar,
                \(state(of: "r.room", "m.room.guest_access", ["content", "guest_access"])) AS guest_access,
                COALESCE(CAST(\(federate) AS TEXT), 'true') NOT IN ('false', '0') AS is_federatable,
                \(state(of: "r.room", "m.room.topic", ["content", "topic"])) AS topic,
                \(state(of: "r.room", "m.room.create", ["content", "type"])) AS room_type
            FROM \(table("rooms")) r
            """)
    }

    private var roomStatsCurrent: CompatibilityView {
        func count(_ condition: String) -> String {
            "(SELECT COUNT(*) FROM \(table("memberships")) m WHERE m.room = r.room AND \(condition))"
        }
        return CompatibilityView(
            "room_stats_current", instead: Self.statistics,
            """
            SELECT r.room_id AS room_id,
                (SELECT COUNT(*) FROM \(table("current_state")) c WHERE c.room = r.room) AS current_state_events,
                r.joined_members AS joined_members, r.invited_members AS invited_members,
                \(count("m.membership = 4")) AS left_members, \(count("m.membership = 5")) AS banned_members,
                \(count("m.membership = 1 AND m.is_local = 1")) AS local_users_in_room,
                CAST(0 AS BIGINT) AS completed_delta_stream_id, \(count("m.membership = 3")) AS knocked_members
            FROM \(table("rooms")) r
            """)
    }
}
