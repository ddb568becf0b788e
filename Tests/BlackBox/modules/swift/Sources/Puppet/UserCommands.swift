import MatrixCore
import ModuleAPI

extension Puppet {
    func runUsers(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let users = context.users
        switch call {
        case "users.info":
            guard let info = try await users.info(of: try command.user()) else { return .null }
            return [
                "user": .id(info.user), "is_admin": .bool(info.isAdmin), "is_shadow_banned": .bool(info.isShadowBanned),
                "is_deactivated": .bool(info.isDeactivated), "is_guest": .bool(info.isGuest),
                "created_at": .time(info.createdAt),
            ]
        case "users.requester":
            let requester = try await users.requester(
                forToken: command.string("token"), allowGuest: command.bool("allow_guest") ?? false,
                allowExpired: command.bool("allow_expired") ?? false, address: nil, userAgent: nil)
            return ["user": .id(requester.user), "device": .id(requester.device)]
        case "users.existing": return .id(try await users.existing(try command.user()))
        case "users.profile": return try await users.profile(of: try command.user()).map(JSON.profile) ?? .null
        case "users.threepids":
            return .array(
                try await users.threepids(of: try command.user()).map {
                    [
                        "medium": .string($0.medium), "address": .string($0.address),
                        "validated_at": .time($0.validatedAt), "added_at": .time($0.addedAt),
                    ]
                })
        case "users.sightings":
            let since = Timestamp(milliseconds: command.integer("since") ?? 0)
            return .array(
                try await users.sightings(of: try command.user(), since: since).map {
                    [.string($0.address), .string($0.userAgent), .time($0.lastSeen)]
                })
        case "users.known":
            return .id(try await users.user(knownTo: try command.need("provider"), as: try command.need("id")))
        case "users.external_ids":
            return .array(
                try await users.externalIDs(of: try command.user()).map { [.string($0.provider), .string($0.id)] })
        case "users.record":
            let external = ExternalID(provider: try command.need("provider"), id: try command.need("id"))
            try await users.record(external, for: try command.user())
            return .null
        default: return try await changeUsers(call, command)
        }
    }

    private func changeUsers(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let users = context.users
        switch call {
        case "users.check_username": try await users.checkUsername(try command.need("localpart"))
        case "users.register":
            let user = NewUser(
                localpart: try command.need("localpart"), displayName: command.string("display_name"),
                emails: command["emails"]?.stringArrayValue ?? [], isAdmin: command.bool("admin") ?? false)
            return .id(try await users.register(user))
        case "users.register_device":
            let login = try await users.registerDevice(
                of: try command.user(), device: command.string("device").map { DeviceID($0) },
                displayName: command.string("display_name"))
            return [.id(login.device), .string(login.accessToken), .time(login.validUntil)]
        case "users.login_token":
            return .string(
                try await users.createLoginToken(
                    for: try command.user(), lifetime: .milliseconds(command.integer("ms") ?? 120_000), providerID: nil,
                    providerSessionID: nil))
        case "users.invalidate": try await users.invalidate(accessToken: try command.need("token"))
        case "users.set_admin": try await users.setAdmin(command.bool("admin") ?? true, try command.user())
        case "users.set_display_name":
            try await users.setDisplayName(try command.need("name"), of: try command.user())
        case "users.set_avatar": try await users.setAvatar(try command.need("url"), of: try command.user())
        case "users.rate_limit":
            guard let limit = try await users.rateLimit(of: try command.user()) else { return .null }
            return [.integer(limit.messagesPerSecond), .integer(limit.burstCount)]
        case "users.set_rate_limit":
            let limit = command.integer("burst").map {
                UserRateLimit(messagesPerSecond: command.integer("per_second") ?? 0, burstCount: $0)
            }
            try await users.setRateLimit(limit, of: try command.user())
        case "users.add_threepid":
            let now = Timestamp(milliseconds: command.integer("now") ?? 0)
            let threepid = Threepid(
                medium: try command.need("medium"), address: try command.need("address"), validatedAt: now, addedAt: now
            )
            try await users.add(threepid, to: try command.user())
        case "users.remove_threepid":
            let address = ThreepidAddress(medium: try command.need("medium"), address: try command.need("address"))
            try await users.remove(address, from: try command.user())
        case "users.deactivate":
            try await users.deactivate(
                try command.user(), erasing: command.bool("erasing") ?? false,
                byAdmin: command.bool("by_admin") ?? false)
        case "users.registration_token":
            return .bool(
                try await users.createRegistrationToken(
                    try command.need("text"), uses: command.integer("uses"), expiry: nil))
        default: return nil
        }
        return .null
    }
}
