import MatrixCore

extension OptionTable {
    /// Media, calls, metrics, push, rooms, workers and background work.
    static let features: [OptionSection] = [
        OptionSection(
            "Media Store",
            [
                KnownOption("enable_authenticated_media", .unsupported, default: true),
                KnownOption("enable_media_repo", .unsupported, default: true),
                KnownOption("enable_local_media_storage", .unsupported, default: true),
                KnownOption("media_store_path", .unsupported, default: "media_store"),
                KnownOption("max_pending_media_uploads", .unsupported, default: 5),
                KnownOption("unused_expiration_time", .unsupported, default: "24h"),
                KnownOption(
                    "media_storage_providers", .unsupported,
                    members: [
                        "module", "store_local", "store_remote", "store_synchronous", "config", "config.directory",
                    ]),
                KnownOption("max_upload_size", .unsupported, default: "50M"),
                KnownOption(
                    "media_upload_limits", .unsupported,
                    members: [
                        "time_period", "max_size", "info_uri", "can_upgrade",
                    ]),
                KnownOption("max_image_pixels", .unsupported, default: "32M"),
                KnownOption("remote_media_download_burst_count", .unsupported, default: "500MiB"),
                KnownOption("remote_media_download_per_second", .unsupported, default: "87KiB"),
                KnownOption("prevent_media_downloads_from", .unsupported),
                KnownOption("dynamic_thumbnails", .unsupported, default: false),
                KnownOption("thumbnail_sizes", .unsupported, members: ["width", "height", "method"]),
                KnownOption("media_retention", .unsupported),
                KnownOption("url_preview_enabled", .unsupported, default: false),
                KnownOption("url_preview_ip_range_blacklist", .unsupported),
                KnownOption("url_preview_ip_range_whitelist", .unsupported),
                KnownOption("url_preview_url_blacklist", .unsupported),
                KnownOption("max_spider_size", .unsupported, default: "10M"),
                KnownOption("url_preview_accept_language", .unsupported),
                KnownOption("oembed", .unsupported, members: ["disable_default_providers", "additional_providers"]),
            ]),
        OptionSection(
            "TURN",
            [
                KnownOption("turn_uris", .unsupported),
                KnownOption("turn_shared_secret", .unsupported),
                KnownOption("turn_shared_secret_path", .unsupported),
                KnownOption("turn_username", .unsupported),
                KnownOption("turn_password", .unsupported),
                KnownOption("turn_user_lifetime", .unsupported, default: "1h"),
                KnownOption("turn_allow_guests", .unsupported, default: true),
                KnownOption(
                    "matrix_rtc", .unsupported,
                    members: [
                        "transports", "transports.type", "transports.url", "transports.livekit_service_url",
                    ]),
            ]),
        OptionSection(
            "Metrics",
            [
                KnownOption("enable_metrics", .used),
                KnownOption("sentry", .unsupported, members: ["dsn", "environment"]),
                KnownOption("metrics_flags", .ignored("Prometheus series of Synapse"), members: ["known_servers"]),
                KnownOption("report_stats", .ignored("nothing is sent home")),
                KnownOption("report_stats_endpoint", .ignored("nothing is sent home")),
            ]),
        OptionSection(
            "Push",
            [
                KnownOption(
                    "push", .unsupported,
                    members: [
                        "enabled", "include_content", "group_unread_count_by_room", "jitter_delay",
                    ]),
                KnownOption(
                    "push_rules", .unsupported,
                    members: [
                        "limits", "limits.rule_count", "limits.rule_id_length", "limits.rule_size",
                    ]),
            ]),
        OptionSection(
            "Rooms",
            [
                KnownOption("encryption_enabled_by_default_for_room_type", .used),
                KnownOption(
                    "user_directory", .unsupported,
                    members: [
                        "enabled", "search_all_users", "prefer_local_users", "exclude_remote_users",
                        "show_locked_users",
                    ]),
                KnownOption(
                    "user_consent", .unsupported,
                    members: [
                        "template_dir", "version", "server_notice_content", "server_notice_content.msgtype",
                        "server_notice_content.body", "send_server_notice_to_guests", "policy_name",
                    ]),
                KnownOption(
                    "user_consent.block_events_error", .refused("users would be let in without having consented")),
                KnownOption(
                    "user_consent.require_at_registration", .refused("users would be let in without having consented")),
                KnownOption("stats", .unsupported, members: ["enabled"]),
                KnownOption(
                    "server_notices", .unsupported,
                    members: [
                        "system_mxid_display_name", "system_mxid_avatar_url", "room_name", "room_avatar_url",
                        "room_topic",
                        "auto_join",
                    ]),
                KnownOption("enable_room_list_search", .used),
                KnownOption("alias_creation_rules", .used, members: ["user_id", "alias", "room_id", "action"]),
                KnownOption("room_list_publication_rules", .used, members: ["user_id", "alias", "room_id", "action"]),
                KnownOption("default_power_level_content_override", .used),
                KnownOption("forget_rooms_on_leave", .used),
                KnownOption("exclude_rooms_from_sync", .used),
                KnownOption("exclude_rooms_from_presence", .unsupported),
            ]),
        OptionSection(
            "Opentracing",
            [
                KnownOption(
                    "opentracing", .unsupported,
                    members: [
                        "enabled", "homeserver_whitelist", "force_tracing_for_users", "jaeger_config",
                    ])
            ]),
        OptionSection(
            "Coordinating workers",
            [
                KnownOption("worker_replication_secret", .ignored(oneProcess)),
                KnownOption("worker_replication_secret_path", .ignored(oneProcess)),
                KnownOption("start_pushers", .ignored(oneProcess)),
                KnownOption("pusher_instances", .ignored(oneProcess)),
                KnownOption("send_federation", .ignored(oneProcess)),
                KnownOption("federation_sender_instances", .ignored(oneProcess)),
                KnownOption("instance_map", .ignored(oneProcess)),
                KnownOption(
                    "stream_writers", .ignored(oneProcess),
                    members: [
                        "events", "typing", "to_device", "account_data", "receipts", "presence", "push_rules",
                        "device_lists",
                    ]),
                KnownOption("outbound_federation_restricted_to", .ignored(oneProcess)),
                KnownOption("run_background_tasks_on", .ignored(oneProcess)),
                KnownOption(
                    "task_scheduler", .ignored("background work paces itself"),
                    members: [
                        "max_concurrent_tasks"
                    ]),
                KnownOption("update_user_directory_from_worker", .ignored(oneProcess)),
                KnownOption("notify_appservices_from_worker", .ignored(oneProcess)),
                KnownOption("media_instance_running_background_jobs", .ignored(oneProcess)),
                KnownOption(
                    "redis", .ignored(oneProcess),
                    members: [
                        "enabled", "host", "port", "path", "username", "password", "password_path", "dbid", "use_tls",
                        "certificate_file", "private_key_file", "ca_file", "ca_path",
                    ]),
            ]),
        OptionSection(
            "Individual worker configuration",
            [
                KnownOption(
                    "worker_app", .refused("this is the configuration of a Synapse worker, and Axolemma is one process")
                ),
                KnownOption("worker_name", .ignored(oneProcess)),
                KnownOption("worker_listeners", .ignored(oneProcess)),
                KnownOption("worker_manhole", .ignored(oneProcess)),
                KnownOption("worker_daemonize", .ignored("the service manager keeps the process in the background")),
                KnownOption("worker_pid_file", .ignored(oneProcess)),
                KnownOption("worker_log_config", .ignored(oneProcess)),
            ]),
        OptionSection(
            "Background Updates",
            [
                KnownOption(
                    "background_updates", .ignored("background work paces itself"),
                    members: [
                        "background_update_duration_ms", "sleep_enabled", "sleep_duration_ms", "min_batch_size",
                        "default_batch_size",
                    ])
            ]),
        OptionSection(
            "Auto Accept Invites",
            [
                KnownOption(
                    "auto_accept_invites", .unsupported,
                    members: [
                        "enabled", "only_for_direct_messages", "only_from_local_users", "worker_to_run_on",
                    ])
            ]),
    ]
}
