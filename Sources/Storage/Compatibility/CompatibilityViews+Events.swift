/// Views of events.
extension ViewDialect {
    var eventViews: [CompatibilityView] {
        [events, eventJSON, stateEvents, currentStateEvents, eventEdges, forwardExtremities, redactions]
    }

    private static let send = "use ModuleApi.create_and_send_event_into_room"
    private static let internals = "the server writes it when it stores events"

    private var events: CompatibilityView {
        CompatibilityView(
            "events", instead: Self.send,
            """
            SELECT e.event AS stream_ordering, e.depth AS topological_ordering, e.event_id AS event_id,
                COALESCE(k.type, \(member("j.pdu", ["type"]))) AS type, r.room_id AS room_id,
                CAST(NULL AS TEXT) AS content, CAST(NULL AS TEXT) AS unrecognized_keys, 1 = 1 AS processed,
                (e.flags & 1) <> 0 AS outlier, e.depth AS depth, e.origin_server_ts AS origin_server_ts,
                e.origin_server_ts AS received_ts, \(member("j.pdu", ["sender"])) AS sender,
                \(member("j.pdu", ["content", "url"])) IS NOT NULL AS contains_url, 'master' AS instance_name,
                k.state_key AS state_key,
                CASE WHEN (e.flags & 2) <> 0 THEN 'auth_error' END AS rejection_reason
            FROM \(table("events")) e JOIN \(table("rooms")) r ON r.room = e.room
                JOIN \(table("event_json")) j ON j.event = e.event
                LEFT JOIN \(table("state_keys")) k ON k.number = e.state_key
            """)
    }

    private var eventJSON: CompatibilityView {
        CompatibilityView(
            "event_json", instead: Self.send,
            """
            SELECT e.event_id AS event_id, r.room_id AS room_id,
                CASE e.flags & 5 WHEN 0 THEN '{}' WHEN 1 THEN '{"outlier":true}' WHEN 4 THEN '{"soft_failed":true}'
                    ELSE '{"outlier":true,"soft_failed":true}' END AS internal_metadata,
                \(text("j.pdu")) AS json,
                CASE WHEN r.version IN ('1', '2') THEN 1 WHEN r.version = '3' THEN 2
                    WHEN r.version IN ('4', '5', '6', '7', '8', '9', '10', '11') THEN 3 ELSE 4 END AS format_version
            FROM \(table("events")) e JOIN \(table("rooms")) r ON r.room = e.room
                JOIN \(table("event_json")) j ON j.event = e.event
            """)
    }

    private var stateEvents: CompatibilityView {
        CompatibilityView(
            "state_events", instead: Self.send,
            """
            SELECT e.event_id AS event_id, r.room_id AS room_id, k.type AS type, k.state_key AS state_key,
                CAST(NULL AS TEXT) AS prev_state
            FROM \(table("events")) e JOIN \(table("rooms")) r ON r.room = e.room
                JOIN \(table("state_keys")) k ON k.number = e.state_key
            """)
    }

    private var currentStateEvents: CompatibilityView {
        CompatibilityView(
            "current_state_events", instead: Self.send,
            """
            SELECT e.event_id AS event_id, r.room_id AS room_id, k.type AS type, k.state_key AS state_key,
                \(membership("m.membership")) AS membership, e.event AS event_stream_ordering
            FROM \(table("current_state")) c JOIN \(table("rooms")) r ON r.room = c.room
                JOIN \(table("state_keys")) k ON k.number = c.state_key
                JOIN \(table("events")) e ON e.event = c.event
                LEFT JOIN \(table("memberships")) m ON m.user_key = c.state_key AND m.room = c.room
            """)
    }

    private var eventEdges: CompatibilityView {
        CompatibilityView(
            "event_edges", instead: Self.internals,
            """
            SELECT e.event_id AS event_id, p.event_id AS prev_event_id, CAST(NULL AS TEXT) AS room_id, 1 = 0 AS is_state
            FROM \(table("event_edges")) d JOIN \(table("events")) e ON e.event = d.event
                JOIN \(table("events")) p ON p.event = d.prev
            """)
    }

    private var forwardExtremities: CompatibilityView {
        CompatibilityView(
            "event_forward_extremities", instead: Self.internals,
            """
            SELECT e.event_id AS event_id, r.room_id AS room_id
            FROM \(table("forward_extremities")) f JOIN \(table("events")) e ON e.event = f.event
                JOIN \(table("rooms")) r ON r.room = f.room
            """)
    }

    private var redactions: CompatibilityView {
        CompatibilityView(
            "redactions", instead: Self.send,
            """
            SELECT b.event_id AS event_id, e.event_id AS redacts, 1 = 0 AS have_censored,
                b.origin_server_ts AS received_ts, 1 = 0 AS recheck
            FROM \(table("events")) e JOIN \(table("events")) b ON b.event = e.redacted_by
            WHERE e.redacted_by IS NOT NULL
            """)
    }
}
