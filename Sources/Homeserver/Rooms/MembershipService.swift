package import MatrixCore
import ModuleAPI
package import SQLEngine
package import Storage

/// Joining, leaving, inviting and all else that changes who is in a room.
package final class MembershipService: Sendable {
    private let database: any Database
    let sender: EventSender
    private let stream: EventStream
    let modules: ModuleRegistry
    private let limiter: RateLimiter
    private let settings: RoomSettings
    let shadowBan: ShadowBan

    package init(
        database: any Database, sender: EventSender, stream: EventStream, modules: ModuleRegistry, limiter: RateLimiter,
        settings: RoomSettings
    ) {
        self.database = database
        self.sender = sender
        self.stream = stream
        self.modules = modules
        self.limiter = limiter
        self.settings = settings
        shadowBan = ShadowBan(delay: settings.shadowBanDelay)
    }

    /// What is to be done with somebody's membership.
    package enum Action: String, Sendable {
        case join, leave, invite, kick, ban, unban, knock

        var membership: Membership {
            switch self {
            case .join: .join
            case .leave, .kick, .unban: .leave
            case .invite: .invite
            case .ban: .ban
            case .knock: .knock
            }
        }
    }

    /// One change of a membership.
    package struct Change: Sendable {
        package var action: Action
        package var target: UserID
        package var reason: String?
        /// Further members of the event's content, such as `is_direct`.
        package var content: JSONObject = [:]

        package init(_ action: Action, of target: UserID, reason: String? = nil, content: JSONObject = [:]) {
            self.action = action
            self.target = target
            self.reason = reason
            self.content = content
        }
    }

    /// Changes a membership; returns the member event, or the one that says so already.
    package func apply(_ change: Change, in room: RoomID, by requester: Requester) async throws -> EventID? {
        if change.action == .invite, requester.isShadowBanned { return try await shadowBan.event(in: room) }
        guard let handle = try await sender.states.room(room) else { throw Self.unknownRoom(change.action) }
        return try await apply(change, in: handle, by: requester)
    }

    static func unknownRoom(_ action: Action) -> MatrixError {
        switch action {
        case .knock: MatrixError(status: 404, code: .unknown, message: "No known servers")
        case .join:
            MatrixError(
                status: 404, code: .unknown,
                message:
                    "Can't join remote room because no servers that are in the room have been provided.")
        case .leave, .kick, .unban: MatrixError(status: 404, code: .unknown, message: "Not a known room")
        default: .forbidden("Unknown room")
        }
    }

    package func apply(_ change: Change, in room: RoomHandle, by requester: Requester) async throws -> EventID? {
        if change.action == .join || change.action == .knock, change.target != requester.user {
            throw MatrixError.forbidden("Cannot force another user to \(change.action.rawValue).")
        }
        let keys: [StateKey] = [
            .member(change.target), .member(requester.user), .create, .joinRules, StateKey(.guestAccess),
        ]
        let state = try await sender.states.current(keys, in: room)
        let current = state[.member(change.target)]
        if change.action == .unban, current == nil { return nil }
        let isMember = state[.member(requester.user)]?.membership == .join
        if let same = try Self.settled(change, current, in: room, byMember: isMember) { return same.eventID }
        if requester.isShadowBanned, change.action == .join, let current, current.membership == .join {
            return current.eventID
        }
        switch change.action {
        case .join:
            if requester.isGuest, current?.membership != .join,
                state[StateKey(.guestAccess)]?.content.string("guest_access") != "can_join"
            {
                throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access not allowed")
            }
            try await checkJoin(change.target, current: current?.membership, in: room, by: requester)
        case .invite: try await checkInvite(change.target, in: room, by: requester)
        default: break
        }
        var content = change.content
        content["membership"] = .string(change.action.membership.rawValue)
        if let reason = change.reason { content["reason"] = .string(reason) }
        if !settings.allowsPerRoomProfiles || requester.isShadowBanned {
            content["displayname"] = nil
            content["avatar_url"] = nil
        }
        let showsProfile = change.action == .invite ? settings.showsProfileOnInvite : true
        if [.join, .invite, .knock].contains(change.action), showsProfile {
            try await addProfile(of: change.target, to: &content)
        }
        if change.action == .join, current?.membership != .join, current?.membership != .invite {
            if let authorizer = try await authorizer(of: change.target, in: room, state) {
                content["join_authorised_via_users_server"] = .string(authorizer.string)
            }
        }
        let intent = EventIntent(
            type: .member, stateKey: change.target.string, content: content, sender: requester.user)
        let event = try await sender.send(intent, to: room)
        if change.action == .leave, settings.forgetsOnLeave { try await forget(room.id, by: requester) }
        return event
    }

    /// Decides what the current membership alone decides: nothing to do, or not to be done.
    /// - Parameter isMember: Whether whoever asks is joined.
    private static func settled(
        _ change: Change, _ current: Event?, in room: RoomHandle, byMember isMember: Bool
    ) throws -> Event? {
        let membership = current?.membership
        switch (change.action, membership) {
        case (.unban, .ban), (.ban, .ban), (.leave, .ban): break
        case (.unban, _):
            throw MatrixError(
                status: 403, code: .badState,
                message: "Cannot unban user who was not banned (membership=\(membership?.rawValue ?? "None"))")
        case (_, .ban):
            throw MatrixError(
                status: 403, code: .badState, message: "Cannot \(change.action.rawValue) user who was banned")
        case (.kick, nil), (.kick, .leave):
            throw MatrixError.forbidden("The target user is not in the room")
        case (.leave, .leave): return current
        case (.leave, nil): throw MatrixError.forbidden("\(change.target) not in room \(room.id).")
        case (.invite, .join): throw MatrixError.forbidden("\(change.target) is already in the room.")
        default: break
        }
        // A repeated request asks for nothing new; a join by its own user may bring a new profile or reason, though.
        if membership == .join, change.action == .join, change.reason == nil, change.content.isEmpty { return current }
        if membership == .invite, change.action == .invite, isMember, change.content == [:], change.reason == nil {
            return current
        }
        return nil
    }

    private func checkJoin(
        _ user: UserID, current: Membership?, in room: RoomHandle, by requester: Requester
    ) async throws {
        if current != .join {
            try limiter.check(.joinsLocal, key: user.string, for: requester)
            try limiter.check(.joinsPerRoom, key: room.id.string, for: requester)
        }
        // Also when a member changes how they appear.
        if !requester.isAdmin {
            try await modules.userMayJoinRoom(user: user, room: room.id, isInvited: current == .invite)
        }
    }

    private func checkInvite(_ invitee: UserID, in room: RoomHandle, by requester: Requester) async throws {
        if settings.blocksInvites, !requester.isAdmin {
            throw MatrixError.forbidden("Invites have been disabled on this server")
        }
        try await checkInviteRate(.invitesPerRoom, key: room.id.string, by: requester)
        try await checkInviteRate(.invitesPerUser, key: invitee.string, by: requester)
        try await checkInviteRate(.invitesPerIssuer, key: requester.user.string, by: requester)
        if !requester.isAdmin {
            try await modules.userMayInvite(inviter: requester.user, invitee: invitee, room: room.id)
        }
    }

    /// Invites somebody by an address outside Matrix, such as `email`, which takes an identity server: so this refuses.
    ///
    /// Modules are asked as if there were one, as their answer goes out before one is asked.
    package func invite(
        _ medium: String, _ address: String, to room: RoomID, by requester: Requester
    ) async throws {
        if requester.isShadowBanned { return try await shadowBan.wait() }
        guard let handle = try await sender.states.room(room) else { throw Self.unknownRoom(.invite) }
        try limiter.check(.thirdPartyInvite, key: requester.user.string, for: requester)
        if modules.has(.checkThreepidCanBeInvited) {
            let state = sender.stateMap(of: handle, at: try await sender.states.currentState(of: handle))
            try await modules.checkThreepidCanBeInvited(
                ThreepidAddress(medium: medium, address: address), state: state)
        }
        throw MatrixError.forbidden("This server has no identity server to invite third-party identifiers by")
    }

    /// Counts an invite against one of its limits, which modules may set for single users.
    private func checkInviteRate(_ action: LimitedAction, key: String, by requester: Requester) async throws {
        var own: RateLimit?
        if modules.has(.getRatelimitOverrideForUser), !limiter.isExempt(requester.user) {
            let override = try await modules.getRatelimitOverride(for: requester.user, limiter: action.rawValue)
            if override?.perSecond == 0 { return }
            own = override.map { RateLimit(perSecond: $0.perSecond, burst: Double($0.burstCount)) }
        }
        try limiter.check(action, key: key, for: requester, limit: own)
    }

    /// Puts the name and avatar of a user of ours into a member event.
    private func addProfile(of user: UserID, to content: inout JSONObject) async throws {
        guard user.server == settings.serverName, !content.contains("displayname"), !content.contains("avatar_url")
        else { return }
        let profile = try await database.read { try $0.profiles.profile(of: user) }
        if let name = profile?.displayName { content["displayname"] = .string(name) }
        if let avatar = profile?.avatarURL { content["avatar_url"] = .string(avatar) }
    }

    // MARK: Restricted rooms

    /// In whose name a user joins a restricted room; `nil` where nobody's is needed.
    ///
    /// Spec: Client-Server API, [Restricted rooms](https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms).
    private func authorizer(
        of user: UserID, in room: RoomHandle, _ state: [StateKey: Event]
    ) async throws -> UserID? {
        guard room.version.authorization.hasRestrictedJoins, let rules = state[.joinRules],
            ["restricted", "knock_restricted"].contains(rules.content.string("join_rule"))
        else { return nil }
        let allowed = (rules.content.array("allow") ?? []).prefix(100).compactMap { entry -> RoomID? in
            guard entry["type"]?.stringValue == "m.room_membership" else { return nil }
            return entry["room_id"]?.stringValue.flatMap { RoomID($0) }
        }
        let rooms = try await stream.rooms(of: user)
        var isMember = false
        for id in allowed {
            guard let other = try await sender.states.room(id) else { continue }
            if rooms.place(in: other.number)?.membership == .join { isMember = true }
        }
        guard isMember else {
            throw MatrixError.forbidden("You do not belong to any of the required rooms/spaces to join this room.")
        }
        return try await memberWhoMayInvite(in: room)
    }

    /// A joined user of ours with the level to invite.
    private func memberWhoMayInvite(in room: RoomHandle) async throws -> UserID {
        let state = try await sender.states.current([.powerLevels, .create], in: room)
        let levels = PowerLevels(
            content: state[.powerLevels]?.content, create: state[.create], version: room.version)
        let member = try await database.read { [caches = sender.states.caches] transaction -> UserID? in
            let stores = RoomStores(transaction, caches: caches, .reading)
            // Where everyone may invite, the first will do: names are looked up no further than needed.
            for number in try stores.localMembers(of: room.number) {
                let user = try stores.user(number)
                if levels.level(of: user) >= levels.invite { return user }
            }
            return nil
        }
        guard let member else {
            throw MatrixError(
                status: 400, code: .unableToGrantJoin,
                message: "No user of this server in the room may invite, so none can let you in.")
        }
        return member
    }

    // MARK: Guests

    /// Makes this server's guests leave a room that is closed to them now.
    ///
    /// Spec: Client-Server API, [Guest access](https://spec.matrix.org/v1.19/client-server-api/#guest-access).
    func removeGuests(from room: RoomHandle) async throws {
        let access = try await sender.states.current(StateKey(.guestAccess), in: room)
        guard access?.content.string("guest_access") != "can_join" else { return }
        let guests = try await database.read { [caches = sender.states.caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).guests(in: room.number)
        }
        for guest in guests {
            let intent = EventIntent(
                type: .member, stateKey: guest.string, content: ["membership": "leave"], sender: guest)
            _ = try await sender.send(intent, to: room)
        }
    }

    // MARK: Forgetting

    /// Takes a room the user left out of their lists.
    package func forget(_ room: RoomID, by requester: Requester) async throws {
        guard let handle = try await sender.states.room(room) else { return }
        let user = requester.user
        try await database.write { [caches = sender.states.caches, stream] transaction in
            let stores = RoomStores(transaction, caches: caches, .writing)
            guard let number = try stores.userNumber(user),
                let record = try stores.membership(of: number, in: handle.number)
            else { return }
            if [.join, .invite, .knock].contains(record.membership) {
                throw MatrixError(status: 400, code: .unknown, message: "User \(user) in room \(room)")
            }
            try stores.setForgotten(true, user: number, room: handle.number)
            transaction.onCommit { stream.forget(handle.number, by: user) }
        }
    }

    /// The rooms the user is joined to.
    package func joinedRooms(of user: UserID) async throws -> [RoomID] {
        let numbers = try await stream.rooms(of: user).rooms.filter { $1.membership == .join }.map(\.key)
        return try await database.read { [caches = sender.states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            return try numbers.map { try stores.room($0).id }
        }
    }

    /// Whether two users are in a room together.
    package func shareRoom(_ one: UserID, _ other: UserID) async throws -> Bool {
        let ours = try await stream.rooms(of: one).rooms
        let theirs = try await stream.rooms(of: other).rooms
        return ours.contains { $1.membership == .join && theirs[$0]?.membership == .join }
    }
}
