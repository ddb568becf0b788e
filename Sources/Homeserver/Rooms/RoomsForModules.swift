package import MatrixCore
package import ModuleAPI
package import SQLEngine
import Storage

/// What modules may know of rooms, and do in them.
package struct RoomsForModules: ModuleRooms {
    private let database: any Database
    private let sender: EventSender
    private let rooms: RoomService
    private let memberships: MembershipService
    private let creation: RoomCreation
    private let directory: RoomDirectory

    package init(
        database: any Database, sender: EventSender, rooms: RoomService, memberships: MembershipService,
        creation: RoomCreation, directory: RoomDirectory
    ) {
        self.database = database
        self.sender = sender
        self.rooms = rooms
        self.memberships = memberships
        self.creation = creation
        self.directory = directory
    }

    private var serverName: ServerName { sender.composer.serverName }

    // MARK: State

    package func state(of room: RoomID) async throws -> StateMap {
        guard let room = try await sender.states.room(room) else { return StateMap() }
        return sender.stateMap(of: room, at: try await sender.states.currentState(of: room))
    }

    package func state(
        of room: RoomID, matching filter: [StateFilterEntry]
    ) async throws -> [StateKey: Event] {
        guard !filter.isEmpty else { return try await state(of: room).all() }
        guard let room = try await sender.states.room(room) else { return [:] }
        return try await sender.states.current(filter, in: room)
    }

    // MARK: Sending

    package func send(_ event: ModuleAPI.NewEvent) async throws -> Event {
        guard event.type != .member else {
            throw MatrixError(
                status: 500, code: .unknown, message: "Tried to send member event through non-member codepath")
        }
        guard event.sender.server == serverName else {
            throw MatrixError(status: 500, code: .unknown, message: "User \(event.sender) is not of this server")
        }
        guard let room = try await sender.states.room(event.roomID) else {
            throw MatrixError.forbidden("User \(event.sender) not in room \(event.roomID)")
        }
        let intent = EventIntent(
            type: event.type, stateKey: event.stateKey, content: event.content, sender: event.sender,
            redacts: event.type == .redaction ? event.content.string("redacts").flatMap { EventID($0) } : nil)
        return try await stored(try await asMatrixError { try await rooms.send(intent, to: room) })
    }

    package func changeMembership(_ change: MembershipChange) async throws -> Event {
        let requester = try await requester(change.sender)
        var content = change.content
        let reason = content.string("reason")
        if reason != nil { content["reason"] = nil }
        content["membership"] = nil
        try await addProfile(of: change.target, to: &content)
        let isOther = change.sender != change.target
        let action: MembershipService.Action =
            switch change.action {
            case .join: .join
            case .invite: .invite
            case .leave: isOther ? .kick : .leave
            case .ban: .ban
            case .unban: .unban
            case .knock: .knock
            }
        if action == .invite, requester.isShadowBanned { throw ModuleError.shadowBanned }
        let event = try await asMatrixError {
            try await memberships.apply(
                .init(action, of: change.target, reason: reason, content: content), in: change.room, by: requester)
        }
        guard let event else { throw MatrixError.notFound("The membership was not changed") }
        return try await stored(event)
    }

    /// Fills in from the target's profile what the content lacks; who has none is shown by their localpart.
    private func addProfile(of target: UserID, to content: inout JSONObject) async throws {
        guard !content.contains("displayname") || !content.contains("avatar_url") else { return }
        let profile = try await database.read { try $0.profiles.profile(of: target)?.memberContent }
        let shown = profile ?? ["displayname": .string(target.localpart), "avatar_url": .null]
        for (key, value) in shown where !content.contains(key) { content[key] = value }
    }

    package func create(
        _ request: JSONObject, by user: UserID, isRateLimited: Bool, joinProfile: JSONObject?
    ) async throws -> CreatedRoom {
        let requester = try await requester(user)
        let created = try await asMatrixError {
            try await creation.create(request, by: requester, isRateLimited: isRateLimited, joinProfile: joinProfile)
        }
        return CreatedRoom(room: created.room, alias: created.alias)
    }

    /// What modules are told of a refusal, whichever part of the server it comes from.
    private func asMatrixError<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as any MatrixErrorConvertible {
            throw error.matrixError
        }
    }

    /// A user of ours as if they asked for it themself.
    private func requester(_ user: UserID) async throws -> Requester {
        guard user.server == serverName else {
            throw ModuleError.notLocal(user.string)
        }
        let account = try await database.read { try $0.accounts.account(of: user) }
        return Requester(
            user: user, device: nil, accountNumber: account?.number ?? 0, isGuest: account?.isGuest ?? false,
            isAdmin: account?.isAdmin ?? false, isShadowBanned: account?.isShadowBanned ?? false)
    }

    private func stored(_ id: EventID) async throws -> Event {
        guard let event = try await sender.states.event(id) else { throw MatrixError.internalError }
        return event
    }

    // MARK: Looking up

    package func lookUp(_ alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName]) {
        try await directory.resolve(alias)
    }

    package func event(_ id: EventID) async throws -> Event? {
        // No event of ours has a NUL there, and PostgreSQL would refuse the question.
        id.string.utf8.contains(0) ? nil : try await sender.states.event(id)
    }

    package func rooms(of user: UserID) async throws -> [RoomID] { try await memberships.joinedRooms(of: user) }

    package func users(in room: RoomID) async throws -> [UserID] {
        guard let room = try await sender.states.room(room) else { return [] }
        return try await database.read { [caches = sender.states.caches] transaction in
            try RoomStores(transaction, caches: caches, .reading).joinedUsers(of: room.number)
        }
    }

    package func version(of room: RoomID) async throws -> RoomVersion? {
        try await sender.states.room(room)?.version
    }
}
