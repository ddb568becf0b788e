import MatrixCore
import ModuleAPI

extension Puppet {
    /// Every callback there is, by family.
    static let known: [String: Set<String>] = [
        "spam_checker": [
            "check_event_for_spam", "should_drop_federated_event", "user_may_send_state_event", "user_may_join_room",
            "user_may_invite", "federated_user_may_invite", "user_may_send_3pid_invite", "user_may_create_room",
            "user_may_create_room_alias", "user_may_publish_room", "check_username_for_spam",
            "check_registration_for_spam", "check_login_for_spam", "check_media_file_for_spam",
        ],
        "third_party_rules": [
            "check_event_allowed", "on_create_room", "check_threepid_can_be_invited",
            "check_visibility_can_be_modified", "on_new_event", "check_can_shutdown_room", "check_can_deactivate_user",
            "on_profile_update", "on_user_deactivation_status_changed", "on_add_user_third_party_identifier",
            "on_remove_user_third_party_identifier", "on_threepid_bind",
        ],
        "presence_router": ["get_users_for_states", "get_interested_users"],
        "account_validity": [
            "is_user_expired", "on_user_registration", "on_user_login", "on_legacy_send_mail", "on_legacy_renew",
            "on_legacy_admin_request",
        ],
        "password_auth_provider": [
            "m.login.password", "test.login_type", "check_3pid_auth", "on_logged_out", "is_3pid_allowed",
            "get_username_for_registration", "get_displayname_for_registration",
        ],
        "account_data": ["on_account_data_updated"],
        "background_update_controller": ["on_update"],
        "media_repository": ["get_media_config_for_user", "is_user_allowed_to_upload_media_of_size"],
        "ratelimit": ["get_ratelimit_override_for_user"],
        "add_extra_fields_to_unsigned_client_event": ["add_field_to_unsigned_callback"],
        "federation": ["on_event_delivered_over_federation"],
    ]

    func register(_ family: String, _ names: Set<String>) throws {
        switch family {
        case "spam_checker": context.register(spamChecker(names))
        case "third_party_rules": context.register(rules(names))
        case "account_validity": try context.register(validity(names))
        case "password_auth_provider": try context.register(provider(names))
        default: registerSmall(family)
        }
    }

    /// Families of which nobody wants but a part.
    private func registerSmall(_ family: String) {
        switch family {
        case "presence_router":
            context.register(
                PresenceRouter(
                    getUsersForStates: { states in
                        try await self.hear("get_users_for_states", .array(states.map(JSON.presence)))
                        return [:]
                    },
                    getInterestedUsers: { user in
                        let all = try await self.result("get_interested_users", .id(user))?.stringValue == "ALL"
                        return all ? .all : .users([])
                    }))
        case "account_data":
            context.register(
                AccountDataCallbacks { user, room, type, content in
                    try await self.hear(
                        "on_account_data_updated", .id(user), .id(room), .string(type), .object(content))
                })
        case "background_update_controller":
            context.register(
                BackgroundUpdateController(onUpdate: { update in
                    try await self.hear("on_update", .string(update.name))
                    return BackgroundUpdateTurn(duration: .milliseconds(100))
                }))
        case "media_repository":
            context.register(
                MediaRepositoryCallbacks(
                    getMediaConfigForUser: {
                        try await self.result("get_media_config_for_user", .id($0))?.objectValue
                    },
                    isUserAllowedToUploadMediaOfSize: {
                        try await self.rule("is_user_allowed_to_upload_media_of_size", .id($0), .integer($1))
                    }))
        case "ratelimit":
            context.register(
                RateLimitCallbacks { user, limiter in
                    let told = try await self.result("get_ratelimit_override_for_user", .id(user), .string(limiter))
                    guard let burst = told?["burst_count"]?.integerValue else { return nil }
                    let perSecond = told?["per_second"]?.integerValue ?? 0
                    return RateLimitOverride(perSecond: Double(perSecond), burstCount: Int(burst))
                })
        case "add_extra_fields_to_unsigned_client_event":
            context.register(
                ExtraUnsignedFields { event in
                    let told = try await self.result("add_field_to_unsigned_callback", .event(event))
                    guard let fields = told?.objectValue else { return [:] }
                    let id = JSON.id(event.eventID)
                    return JSONObject(fields.map { ($0.key, $0.value == "$event_id" ? id : $0.value) })
                })
        case "federation":
            context.register(
                FederationCallbacks { delivery in
                    try await self.hear("on_event_delivered_over_federation", .id(delivery.server))
                })
        default: break
        }
    }
}
