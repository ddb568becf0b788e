import MatrixCore

extension OptionTable {
    /// Who may do what how often: rate limits, registration, sessions, sign-on and keys.
    static let accounts: [OptionSection] = [
        OptionSection(
            "Ratelimiting",
            [
                KnownOption("rc_message", .used, members: ["per_second", "burst_count"]),
                KnownOption("rc_registration", .used, members: ["per_second", "burst_count"]),
                KnownOption("rc_registration_token_validity", .used, members: ["per_second", "burst_count"]),
                KnownOption(
                    "rc_login", .used,
                    members: [
                        "address", "address.per_second", "address.burst_count", "account", "account.per_second",
                        "account.burst_count", "failed_attempts", "failed_attempts.per_second",
                        "failed_attempts.burst_count",
                    ]),
                KnownOption("rc_admin_redaction", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption(
                    "rc_joins", .used,
                    members: [
                        "local", "local.per_second", "local.burst_count", "remote", "remote.per_second",
                        "remote.burst_count",
                    ]),
                KnownOption("rc_joins_per_room", .used, members: ["per_second", "burst_count"]),
                KnownOption("rc_3pid_validation", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption(
                    "rc_invites", .used,
                    members: [
                        "per_room", "per_room.per_second", "per_room.burst_count", "per_user", "per_user.per_second",
                        "per_user.burst_count", "per_issuer", "per_issuer.per_second", "per_issuer.burst_count",
                    ]),
                KnownOption("rc_third_party_invite", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption("rc_media_create", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption(
                    "rc_federation", .unsupported,
                    members: [
                        "window_size", "sleep_limit", "sleep_delay", "reject_limit", "concurrent",
                    ]),
                KnownOption(
                    "rc_presence", .unsupported,
                    members: [
                        "per_user", "per_user.per_second", "per_user.burst_count",
                    ]),
                KnownOption("rc_delayed_event_mgmt", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption("rc_reports", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption("rc_room_creation", .used, members: ["per_second", "burst_count"]),
                KnownOption("rc_user_directory", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption("rc_profile", .unsupported, members: ["per_second", "burst_count"]),
                KnownOption("federation_rr_transactions_per_room_per_second", .unsupported, default: 50),
            ]),
        OptionSection(
            "Registration",
            [
                KnownOption("enable_registration", .used),
                KnownOption("enable_registration_without_verification", .used),
                KnownOption(
                    "registrations_require_3pid",
                    .refused("accounts would be registered without the third-party identifier")),
                KnownOption("disable_msisdn_registration", .unsupported, default: false),
                KnownOption("allowed_local_3pids", .unsupported, members: ["medium", "pattern"]),
                KnownOption("enable_3pid_lookup", .unsupported, default: true),
                KnownOption("registration_requires_token", .used),
                KnownOption("registration_shared_secret", .used),
                KnownOption("registration_shared_secret_path", .used),
                KnownOption("bcrypt_rounds", .used),
                KnownOption("allow_guest_access", .used),
                KnownOption("default_identity_server", .used),
                KnownOption("account_threepid_delegates", .unsupported, members: ["msisdn"]),
                KnownOption("enable_set_displayname", .used),
                KnownOption("enable_set_avatar_url", .used),
                KnownOption("enable_3pid_changes", .unsupported, default: true),
                KnownOption("auto_join_rooms", .unsupported),
                KnownOption("autocreate_auto_join_rooms", .unsupported, default: true),
                KnownOption("autocreate_auto_join_rooms_federated", .unsupported, default: true),
                KnownOption("autocreate_auto_join_room_preset", .unsupported, default: "public_chat"),
                KnownOption("auto_join_mxid_localpart", .unsupported),
                KnownOption("auto_join_rooms_for_guests", .unsupported, default: true),
                KnownOption("inhibit_user_in_use_error", .used),
                KnownOption("allow_underscore_prefixed_registration", .used),
            ]),
        OptionSection(
            "User session management",
            [
                KnownOption("session_lifetime", .used),
                KnownOption("refreshable_access_token_lifetime", .unsupported, default: "5m"),
                KnownOption("refresh_token_lifetime", .unsupported, default: "infinity"),
                KnownOption("nonrefreshable_access_token_lifetime", .used),
                KnownOption("ui_auth", .used),
                KnownOption(
                    "login_via_existing_session", .unsupported,
                    members: [
                        "enabled", "require_ui_auth", "token_timeout",
                    ]),
            ]),
        OptionSection(
            "Single sign-on integration",
            [
                KnownOption(
                    "saml2_config", .unsupported,
                    members: [
                        "idp_name", "idp_icon", "sp_config", "config_path", "saml_session_lifetime",
                        "user_mapping_provider",
                        "user_mapping_provider.module", "user_mapping_provider.config",
                        "grandfathered_mxid_source_attribute", "attribute_requirements",
                        "attribute_requirements.attribute",
                        "attribute_requirements.value", "attribute_requirements.one_of", "idp_entityid",
                    ]),
                KnownOption(
                    "oidc_providers", .unsupported,
                    members: [
                        "idp_id", "idp_name", "idp_icon", "idp_brand", "discover", "issuer", "client_id",
                        "client_secret",
                        "client_secret_path", "client_secret_jwt_key", "client_secret_jwt_key.key",
                        "client_secret_jwt_key.key_file", "client_secret_jwt_key.jwt_header",
                        "client_secret_jwt_key.jwt_header.alg", "client_secret_jwt_key.jwt_payload",
                        "client_auth_method",
                        "pkce_method", "id_token_signing_alg_values_supported", "scopes", "authorization_endpoint",
                        "token_endpoint", "userinfo_endpoint", "jwks_uri", "skip_verification", "user_profile_method",
                        "redirect_uri", "additional_authorization_parameters", "passthrough_authorization_parameters",
                        "allow_existing_users", "enable_registration", "user_mapping_provider",
                        "user_mapping_provider.module", "user_mapping_provider.config", "backchannel_logout_enabled",
                        "backchannel_logout_ignore_sub",
                    ]),
                KnownOption(
                    "cas_config", .unsupported,
                    members: [
                        "enabled", "idp_name", "idp_icon", "idp_brand", "server_url", "protocol_version",
                        "displayname_attribute", "required_attributes", "enable_registration", "allow_numeric_ids",
                        "numeric_ids_prefix",
                    ]),
                KnownOption("sso", .unsupported, members: ["client_whitelist", "update_profile_information"]),
                KnownOption(
                    "jwt_config", .unsupported,
                    members: [
                        "enabled", "secret", "algorithm", "subject_claim", "display_name_claim", "issuer", "audiences",
                    ]),
                KnownOption(
                    "password_config", .used,
                    members: [
                        "enabled", "localdb_enabled", "pepper", "policy", "policy.enabled", "policy.minimum_length",
                        "policy.require_digit", "policy.require_symbol", "policy.require_lowercase",
                        "policy.require_uppercase",
                    ]),
            ]),
        OptionSection(
            "Captcha",
            [
                KnownOption("recaptcha_public_key", .unsupported),
                KnownOption("recaptcha_public_key_path", .unsupported),
                KnownOption("recaptcha_private_key", .unsupported),
                KnownOption("recaptcha_private_key_path", .unsupported),
                KnownOption(
                    "enable_registration_captcha", .refused("accounts would be registered without the captcha"),
                    default: false),
                KnownOption(
                    "recaptcha_siteverify_api", .unsupported,
                    default: "https://www.recaptcha.net/recaptcha/api/siteverify"),
            ]),
        OptionSection(
            "API Configuration",
            [
                KnownOption(
                    "room_prejoin_state", .used,
                    members: [
                        "disable_default_event_types", "additional_event_types",
                    ]),
                KnownOption("track_puppeted_user_ips", .unsupported, default: false),
                KnownOption(
                    "app_service_config_files",
                    .refused("user names that a bridge or bot has reserved could be registered by anybody")),
                KnownOption("track_appservice_user_ips", .unsupported, default: false),
                KnownOption("use_appservice_legacy_authorization", .unsupported, default: false),
                KnownOption(
                    "macaroon_secret_key", .ignored("access tokens are random and stored hashed, not macaroons")),
                KnownOption(
                    "macaroon_secret_key_path", .ignored("access tokens are random and stored hashed, not macaroons")),
                KnownOption("form_secret", .ignored("no page with a signed form is served")),
                KnownOption("form_secret_path", .ignored("no page with a signed form is served")),
            ]),
        OptionSection(
            "Signing Keys",
            [
                KnownOption("signing_key_path", .used),
                KnownOption("old_signing_keys", .unsupported),
                KnownOption("key_refresh_interval", .unsupported, default: "1d"),
                KnownOption("trusted_key_servers", .unsupported),
                KnownOption("suppress_key_server_warning", .ignored("no such warning is given")),
                KnownOption("key_server_signing_keys_path", .unsupported),
            ]),
    ]
}
