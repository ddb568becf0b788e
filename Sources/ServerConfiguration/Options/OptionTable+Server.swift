import MatrixCore

extension OptionTable {
    /// The server itself: listeners, limits, federation, storage and logs.
    static let server: [OptionSection] = [
        OptionSection(
            "Modules",
            [
                KnownOption("modules", .used, members: ["module", "config"])
            ]),
        OptionSection(
            "Server",
            [
                KnownOption("server_name", .used),
                KnownOption("pid_file", .used),
                KnownOption("daemonize", .ignored("the service manager keeps the process in the background")),
                KnownOption("print_pidfile", .ignored("the service manager keeps the process in the background")),
                KnownOption("user_agent_suffix", .unsupported),
                KnownOption("use_frozen_dicts", .ignored("debugging aid of Synapse")),
                KnownOption("web_client_location", .used),
                KnownOption("public_baseurl", .used),
                KnownOption("serve_server_wellknown", .used),
                KnownOption("extra_well_known_client_content", .used),
                KnownOption("soft_file_limit", .used),
                KnownOption("presence", .used, members: ["enabled"]),
                KnownOption("presence.include_offline_users_on_sync", .unsupported, default: false),
                KnownOption("presence.last_active_granularity", .unsupported, default: "1m"),
                KnownOption("presence.sync_online_timeout", .unsupported, default: "30s"),
                KnownOption("presence.idle_timeout", .unsupported, default: "5m"),
                KnownOption("require_auth_for_profile_requests", .used),
                KnownOption("limit_profile_requests_to_users_who_share_rooms", .used),
                KnownOption("include_profile_data_on_invite", .used),
                KnownOption("include_profile_updates_in_sync", .unsupported, default: false),
                KnownOption("allow_public_rooms_without_auth", .used),
                KnownOption("allow_public_rooms_over_federation", .unsupported, default: false),
                KnownOption("default_room_version", .used),
                KnownOption("gc_thresholds", .ignored("tunes the Python interpreter")),
                KnownOption("gc_min_interval", .ignored("tunes the Python interpreter")),
                KnownOption("filter_timeline_limit", .used),
                KnownOption("block_non_admin_invites", .used),
                KnownOption("enable_search", .unsupported, default: true),
                KnownOption("ip_range_blacklist", .unsupported),
                KnownOption("ip_range_whitelist", .unsupported),
                KnownOption(
                    "listeners", .used,
                    members: [
                        "port", "tag", "bind_addresses", "type", "tls", "x_forwarded", "request_id_header", "resources",
                        "resources.names", "resources.compress", "path", "mode",
                    ]),
                KnownOption("listeners.additional_resources", .used),
                KnownOption("manhole", .ignored("there is no debug shell")),
                KnownOption(
                    "manhole_settings", .ignored("there is no debug shell"),
                    members: [
                        "username", "password", "ssh_priv_key_path", "ssh_pub_key_path",
                    ]),
                KnownOption("http_proxy", .unsupported),
                KnownOption("https_proxy", .unsupported),
                KnownOption("no_proxy_hosts", .unsupported),
                KnownOption(
                    "matrix_authentication_service", .refused(authenticationService),
                    members: [
                        "enabled", "endpoint", "force_http2", "secret", "secret_path",
                    ]),
                KnownOption("dummy_events_threshold", .unsupported, default: 10),
                KnownOption("delete_stale_devices_after", .unsupported),
                KnownOption(
                    "email", .used,
                    members: [
                        "smtp_host", "smtp_port", "smtp_user", "smtp_pass", "force_tls", "require_transport_security",
                        "enable_tls", "tlsname", "notif_from", "app_name",
                    ]),
                KnownOption("email.enable_notifs", .unsupported, default: false),
                KnownOption("email.notif_for_new_users", .unsupported, default: true),
                KnownOption("email.notif_delay_before_mail", .unsupported, default: "10m"),
                KnownOption("email.client_base_url", .unsupported, default: "https://matrix.to"),
                KnownOption("email.validation_token_lifetime", .unsupported, default: "1h"),
                KnownOption("email.invite_client_location", .unsupported),
                KnownOption(
                    "email.subjects", .unsupported,
                    members: [
                        "message_from_person_in_room", "message_from_person",
                        "messages_from_person", "messages_in_room",
                        "messages_in_room_and_others",
                        "messages_from_person_and_others", "invite_from_person_to_room",
                        "invite_from_person", "password_reset", "email_validation",
                    ]),
                KnownOption("max_event_delay_duration", .unsupported),
                KnownOption("user_types", .unsupported, members: ["default_user_type", "extra_user_types"]),
            ]),
        OptionSection(
            "Homeserver blocking",
            [
                KnownOption("admin_contact", .used),
                KnownOption("hs_disabled", .used),
                KnownOption("hs_disabled_message", .used),
                KnownOption(
                    "limit_usage_by_mau", .refused("users over the cap would be served all the same"), default: false),
                KnownOption("max_mau_value", .ignored(noUserCap)),
                KnownOption("mau_trial_days", .ignored(noUserCap)),
                KnownOption("mau_appservice_trial_days", .ignored(noUserCap)),
                KnownOption("mau_limit_alerting", .ignored(noUserCap)),
                KnownOption("mau_stats_only", .ignored(noUserCap)),
                KnownOption(
                    "mau_limit_reserved_threepids", .ignored(noUserCap),
                    members: [
                        "medium", "address",
                    ]),
                KnownOption("server_context", .ignored("nothing is sent home")),
                KnownOption(
                    "limit_remote_rooms", .unsupported,
                    members: [
                        "enabled", "complexity", "complexity_error", "admins_can_join",
                    ]),
                KnownOption("require_membership_for_aliases", .used),
                KnownOption("allow_per_room_profiles", .used),
                KnownOption("max_avatar_size", .unsupported),
                KnownOption("allowed_avatar_mimetypes", .unsupported),
                KnownOption("redaction_retention_period", .unsupported, default: "7d"),
                KnownOption("redaction_allowed_period", .unsupported),
                KnownOption("forgotten_room_retention_period", .unsupported),
                KnownOption("user_ips_max_age", .unsupported, default: "28d"),
                KnownOption("request_token_inhibit_3pid_errors", .unsupported, default: false),
                KnownOption("next_link_domain_whitelist", .unsupported),
                KnownOption("templates", .used, members: ["custom_template_directory"]),
                KnownOption(
                    "retention", .unsupported,
                    members: [
                        "enabled", "default_policy", "purge_jobs", "purge_jobs.interval",
                    ]),
            ]),
        OptionSection(
            "TLS",
            [
                KnownOption("tls_certificate_path", .used),
                KnownOption("tls_private_key_path", .used),
                KnownOption("federation_verify_certificates", .unsupported, default: true),
                KnownOption("federation_client_minimum_tls_version", .unsupported, default: "1"),
                KnownOption("federation_certificate_verification_whitelist", .unsupported),
                KnownOption("federation_custom_ca_list", .unsupported),
            ]),
        OptionSection(
            "Federation",
            [
                KnownOption("federation_domain_whitelist", .unsupported),
                KnownOption("federation_whitelist_endpoint_enabled", .unsupported, default: false),
                KnownOption("federation_metrics_domains", .unsupported),
                KnownOption("allow_profile_lookup_over_federation", .unsupported, default: true),
                KnownOption("allow_device_name_lookup_over_federation", .unsupported, default: false),
                KnownOption(
                    "federation", .unsupported,
                    members: [
                        "client_timeout", "max_short_retry_delay", "max_long_retry_delay", "max_short_retries",
                        "max_long_retries", "destination_min_retry_interval", "destination_retry_multiplier",
                        "destination_max_retry_interval",
                    ]),
            ]),
        OptionSection(
            "Caching",
            [
                KnownOption("event_cache_size", .ignored("caches are sized by what they hold")),
                KnownOption(
                    "caches", .ignored("caches are sized by what they hold"),
                    members: [
                        "global_factor", "per_cache_factors", "expire_caches", "cache_entry_ttl",
                        "sync_response_cache_duration", "cache_autotuning",
                    ]),
            ]),
        OptionSection(
            "Database",
            [
                KnownOption("database", .used, members: ["name", "allow_unsafe_locale", "args"]),
                KnownOption("database.txn_limit", .ignored("connections need no recycling")),
                KnownOption(
                    "databases", .refused("data would be written to one database that is meant to be in several")),
            ]),
        OptionSection(
            "Logging",
            [
                KnownOption("log_config", .used)
            ]),
    ]
}
