import MatrixCore

extension OptionTable {
    /// Synapse's switches for proposals that its manual does not list.
    static let experimental: [OptionSection] = [
        OptionSection(
            "Experimental (undocumented)",
            [
                KnownOption("experimental_features.msc1763_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3026_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3814_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc2409_to_device_messages_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3202_transaction_extensions", .unsupported, default: false),
                KnownOption("experimental_features.msc3983_appservice_otk_claims", .unsupported, default: false),
                KnownOption("experimental_features.msc3984_appservice_key_query", .unsupported, default: false),
                KnownOption("experimental_features.msc3720_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc2654_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc2815_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3391_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3575_enabled", .unsupported, default: true),
                KnownOption("experimental_features.msc3773_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3664_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3848_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3881_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3874_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3890_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3381_polls_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc3912_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc1767_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4242_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4028_push_encrypted_events", .unsupported, default: false),
                KnownOption("experimental_features.msc4069_profile_inhibit_propagation", .unsupported, default: false),
                KnownOption("experimental_features.msc4075_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4108_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4108_delegation_endpoint", .unsupported),
                KnownOption("experimental_features.msc4370_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4388_mode", .unsupported, default: "off"),
                KnownOption("experimental_features.msc4133_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4143_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4169_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4210_enabled", .unsupported, default: false),
                KnownOption(
                    "experimental_features.msc4222_enabled", .ignored("`state_after` is always offered"), default: false
                ),
                KnownOption("experimental_features.msc4076_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4277_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4235_enabled", .unsupported, default: false),
                KnownOption(
                    "experimental_features.msc4263_limit_key_queries_to_users_who_share_rooms", .unsupported,
                    default: false),
                KnownOption("experimental_features.msc4267_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4155_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4293_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4306_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4446_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4354_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4450_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4452_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4491_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4502_enabled", .unsupported, default: false),
                KnownOption("experimental_features.msc4512_enabled", .unsupported, default: false),
                KnownOption(
                    "experimental_features.msc3866",
                    .refused("accounts would be usable without the approval of an administrator")),
            ])
    ]
}
