/// Views of accounts and what belongs to them.
extension ViewDialect {
    var accountViews: [CompatibilityView] {
        [
            users, accessTokens, profiles, devices, userIPs, registrationTokens, rateLimits, threepids, externalIDs,
            accountData, roomAccountData, accountValidity,
        ]
    }

    private var users: CompatibilityView {
        CompatibilityView(
            "users", instead: "use ModuleApi.register_user or ModuleApi.set_user_admin",
            """
            SELECT u.name AS name, u.password_hash AS password_hash, u.creation_ts / 1000 AS creation_ts,
                u.admin AS admin, CAST(NULL AS BIGINT) AS upgrade_ts, u.is_guest AS is_guest,
                u.appservice_id AS appservice_id, CAST(NULL AS TEXT) AS consent_version,
                CAST(NULL AS TEXT) AS consent_server_notice_sent, u.user_type AS user_type,
                u.deactivated AS deactivated, u.shadow_banned <> 0 AS shadow_banned,
                CAST(NULL AS BIGINT) AS consent_ts, 1 = 1 AS approved, u.locked <> 0 AS locked,
                u.suspended <> 0 AS suspended
            FROM \(table("users")) u
            """)
    }

    private var accessTokens: CompatibilityView {
        CompatibilityView(
            "access_tokens", instead: "use ModuleApi.register_device or ModuleApi.invalidate_access_token",
            """
            SELECT t.number AS id, u.name AS user_id, t.device_id AS device_id, CAST(NULL AS TEXT) AS token,
                t.valid_until_ms AS valid_until_ms, p.name AS puppets_user_id, t.last_validated_ts AS last_validated,
                CAST(NULL AS BIGINT) AS refresh_token_id, t.last_used_ts IS NOT NULL AS used
            FROM \(table("access_tokens")) t JOIN \(table("users")) u ON u.number = t.user_number
                LEFT JOIN \(table("users")) p ON p.number = t.puppets_user_number
            """)
    }

    private var profiles: CompatibilityView {
        CompatibilityView(
            "profiles", instead: "use ModuleApi.set_displayname",
            """
            SELECT \(localpart("u.name")) AS user_id, p.displayname AS displayname, p.avatar_url AS avatar_url,
                u.name AS full_user_id, p.fields AS fields
            FROM \(table("profiles")) p JOIN \(table("users")) u ON u.number = p.user_number
            """)
    }

    private var devices: CompatibilityView {
        CompatibilityView(
            "devices", instead: "use ModuleApi.register_device",
            """
            SELECT u.name AS user_id, d.device_id AS device_id, d.display_name AS display_name,
                d.last_seen_ts AS last_seen, d.last_seen_ip AS ip, d.last_seen_user_agent AS user_agent,
                d.hidden <> 0 AS hidden
            FROM \(table("devices")) d JOIN \(table("users")) u ON u.number = d.user_number
            """)
    }

    private var userIPs: CompatibilityView {
        CompatibilityView(
            "user_ips", instead: "the server writes it when users are seen (ModuleApi.get_user_ip_and_agents reads it)",
            """
            SELECT u.name AS user_id, CAST(NULL AS TEXT) AS access_token, d.device_id AS device_id,
                d.last_seen_ip AS ip, COALESCE(d.last_seen_user_agent, '') AS user_agent, d.last_seen_ts AS last_seen
            FROM \(table("devices")) d JOIN \(table("users")) u ON u.number = d.user_number
            WHERE d.last_seen_ts IS NOT NULL AND d.last_seen_ip IS NOT NULL
            """)
    }

    private var registrationTokens: CompatibilityView {
        CompatibilityView(
            "registration_tokens", instead: "use the admin API's registration tokens",
            """
            SELECT token AS token, uses_allowed AS uses_allowed, pending AS pending, completed AS completed,
                expiry_time AS expiry_time
            FROM \(table("registration_tokens"))
            """)
    }

    private var rateLimits: CompatibilityView {
        CompatibilityView(
            "ratelimit_override", instead: "use ModuleApi._store.set_ratelimit_for_user",
            """
            SELECT u.name AS user_id, r.messages_per_second AS messages_per_second, r.burst_count AS burst_count
            FROM \(table("ratelimit_overrides")) r JOIN \(table("users")) u ON u.number = r.user_number
            """)
    }

    private var threepids: CompatibilityView {
        CompatibilityView(
            "user_threepids", instead: "use ModuleApi.register_user with its emails",
            """
            SELECT u.name AS user_id, t.medium AS medium, t.address AS address, t.validated_at AS validated_at,
                t.added_at AS added_at
            FROM \(table("user_threepids")) t JOIN \(table("users")) u ON u.number = t.user_number
            """)
    }

    private var externalIDs: CompatibilityView {
        CompatibilityView(
            "user_external_ids", instead: "use ModuleApi.record_user_external_id",
            """
            SELECT x.auth_provider AS auth_provider, x.external_id AS external_id, u.name AS user_id
            FROM \(table("user_external_ids")) x JOIN \(table("users")) u ON u.number = x.user_number
            """)
    }

    private static let accountDataManager = "use ModuleApi.account_data_manager"

    private var accountData: CompatibilityView {
        CompatibilityView(
            "account_data", instead: Self.accountDataManager,
            """
            SELECT u.name AS user_id, a.type AS account_data_type, a.stream AS stream_id, a.content AS content,
                'master' AS instance_name
            FROM \(table("account_data")) a JOIN \(table("users")) u ON u.number = a.user_number
            WHERE a.room_id = ''
            """)
    }

    private var roomAccountData: CompatibilityView {
        CompatibilityView(
            "room_account_data", instead: Self.accountDataManager,
            """
            SELECT u.name AS user_id, a.room_id AS room_id, a.type AS account_data_type, a.stream AS stream_id,
                a.content AS content, 'master' AS instance_name
            FROM \(table("account_data")) a JOIN \(table("users")) u ON u.number = a.user_number
            WHERE a.room_id <> ''
            """)
    }

    /// Synapse's own bookkeeping, which modules copy into tables of theirs; there is none here.
    private var accountValidity: CompatibilityView {
        CompatibilityView(
            "account_validity", instead: "keep the validity of accounts in a table of the module's own",
            """
            SELECT CAST(NULL AS TEXT) AS user_id, CAST(NULL AS BIGINT) AS expiration_ts_ms, 1 = 0 AS email_sent,
                CAST(NULL AS TEXT) AS renewal_token, CAST(NULL AS BIGINT) AS token_used_ts_ms
            WHERE 1 = 0
            """)
    }
}
