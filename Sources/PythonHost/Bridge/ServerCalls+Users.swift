import MatrixCore
import ModuleAPI

/// Users: looking them up, registering and changing them.
extension PythonModules {
    func serveUsers(
        _ method: String, _ parameters: Parameters, _ users: any ModuleUsers
    ) async throws -> CallResult? {
        switch method {
        case "get_userinfo_by_id":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .nothing }
            return .json(try await users.info(of: user).map { .object(Self.infoObject($0)) } ?? .null)
        case "get_requester":
            let requester = try await users.requester(
                forToken: try parameters.optionalString("access_token"),
                allowGuest: try parameters.bool("allow_guest", default: false),
                allowExpired: try parameters.bool("allow_expired", default: false),
                address: try parameters.optionalString("ip"), userAgent: try parameters.optionalString("user_agent"))
            return .json(.object(requesterObject(requester)))
        case "is_user_admin":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .bool(false) }
            return .bool(try await users.info(of: user)?.isAdmin ?? false)
        case "get_profile":
            guard let user = try parameters.lookedFor("user_id", UserID.self),
                let profile = try await users.profile(of: user)
            else { return .nothing }
            return .json(["display_name": JSON(profile.displayName), "avatar_url": JSON(profile.avatarURL)])
        case "get_threepids_for_user":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .json([]) }
            return .json(
                .array(
                    try await users.threepids(of: user).map {
                        [
                            "medium": .string($0.medium), "address": .string($0.address),
                            "validated_at": .integer($0.validatedAt.milliseconds),
                            "added_at": .integer($0.addedAt.milliseconds),
                        ]
                    }))
        case "check_user_exists":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .nothing }
            return .string(try await users.existing(user)?.string)
        case "get_user_ip_and_agents":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .json([]) }
            let since = Timestamp(milliseconds: try parameters.integer("since_ts", default: 0))
            return .json(
                .array(
                    try await users.sightings(of: user, since: since).map {
                        [
                            "ip": .string($0.address), "user_agent": .string($0.userAgent),
                            "last_seen": .integer($0.lastSeen.milliseconds),
                        ]
                    }))
        case "get_user_by_external_id":
            let user = try await users.user(
                knownTo: try parameters.string("auth_provider_id"), as: try parameters.string("external_id"))
            return .string(user?.string)
        case "get_external_ids":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .json([]) }
            return .json(
                .array(try await users.externalIDs(of: user).map { [.string($0.provider), .string($0.id)] }))
        case "get_ratelimit_override":
            guard let user = try parameters.lookedFor("user_id", UserID.self),
                let limit = try await users.rateLimit(of: user)
            else { return .nothing }
            return .json([
                "messages_per_second": .integer(limit.messagesPerSecond), "burst_count": .integer(limit.burstCount),
            ])
        default: return nil
        }
    }

    private static func infoObject(_ info: UserInfo) -> JSONObject {
        [
            "user_id": .string(info.user.string), "appservice_id": JSON(info.applicationService),
            "consent_server_notice_sent": .null, "consent_version": .null, "consent_ts": .null,
            "user_type": JSON(info.userType), "creation_ts": .integer(info.createdAt.milliseconds / 1_000),
            "is_admin": .bool(info.isAdmin), "is_deactivated": .bool(info.isDeactivated),
            "is_guest": .bool(info.isGuest), "is_shadow_banned": .bool(info.isShadowBanned), "approved": true,
            "locked": .bool(info.isLocked), "suspended": .bool(info.isSuspended),
        ]
    }

    func serveAccounts(
        _ method: String, _ parameters: Parameters, _ users: any ModuleUsers
    ) async throws -> CallResult? {
        switch method {
        case "check_username":
            try await users.checkUsername(try parameters.string("localpart"))
        case "register_user":
            let user = NewUser(
                localpart: try parameters.string("localpart"),
                displayName: try parameters.optionalString("displayname"), emails: try parameters.strings("emails"),
                isAdmin: try parameters.bool("admin", default: false))
            return .string(try await users.register(user).string)
        case "register_device":
            let login = try await users.registerDevice(
                of: try parameters.user(), device: try parameters.optionalString("device_id").map { DeviceID($0) },
                displayName: try parameters.optionalString("initial_display_name"))
            return .json([
                "device_id": .string(login.device.string), "access_token": .string(login.accessToken),
                "valid_until_ms": JSON(login.validUntil), "refresh_token": .null,
            ])
        case "record_user_external_id":
            let id = ExternalID(
                provider: try parameters.string("auth_provider_id"), id: try parameters.string("remote_user_id"))
            try await users.record(id, for: try parameters.user())
        case "create_login_token":
            let lifetime = max(0, min(try parameters.integer("duration_ms", default: 120_000), 1 << 50))
            let token = try await users.createLoginToken(
                for: try parameters.user(), lifetime: .milliseconds(lifetime),
                providerID: try parameters.optionalString("auth_provider_id"),
                providerSessionID: try parameters.optionalString("auth_provider_session_id"))
            return .string(token)
        case "invalidate_access_token":
            try await users.invalidate(accessToken: try parameters.string("access_token"))
        case "set_user_admin":
            try await users.setAdmin(try parameters.bool("admin"), try parameters.user())
        case "set_displayname":
            try await users.setDisplayName(try parameters.string("displayname"), of: try parameters.user())
        case "set_avatar_url":
            try await users.setAvatar(try parameters.string("avatar_url"), of: try parameters.user())
        case "set_ratelimit_override":
            let user = try parameters.user()
            guard let rate = parameters.object["messages_per_second"], !rate.isNull else {
                try await users.setRateLimit(nil, of: user)
                break
            }
            let limit = UserRateLimit(
                messagesPerSecond: try parameters.integer("messages_per_second"),
                burstCount: try parameters.integer("burst_count", default: 0))
            try await users.setRateLimit(limit, of: user)
        default: return try await serveAddresses(method, parameters, users)
        }
        return .nothing
    }

    private func serveAddresses(
        _ method: String, _ parameters: Parameters, _ users: any ModuleUsers
    ) async throws -> CallResult? {
        switch method {
        case "add_threepid":
            let threepid = Threepid(
                medium: try parameters.string("medium"), address: try parameters.string("address"),
                validatedAt: Timestamp(milliseconds: try parameters.integer("validated_at")),
                addedAt: Timestamp(milliseconds: try parameters.integer("added_at")))
            try await users.add(threepid, to: try parameters.user())
        case "remove_threepid":
            let address = ThreepidAddress(
                medium: try parameters.string("medium"), address: try parameters.string("address"))
            try await users.remove(address, from: try parameters.user())
        case "deactivate_account":
            try await users.deactivate(
                try parameters.user(), erasing: try parameters.bool("erase", default: false),
                byAdmin: try parameters.bool("by_admin", default: false))
        case "create_registration_token":
            let uses = try parameters.optionalInteger("uses_allowed")
            let expiry = try parameters.optionalInteger("expiry_time").map { Timestamp(milliseconds: $0) }
            return .bool(
                try await users.createRegistrationToken(
                    try parameters.string("token"), uses: uses, expiry: expiry))
        default: return nil
        }
        return .nothing
    }
}
