import MatrixCore
import ModuleAPI

/// Rooms, this server's list of them, and account data.
extension PythonModules {
    func serveRooms(
        _ method: String, _ parameters: Parameters, _ context: any ModuleContext
    ) async throws -> CallResult? {
        let rooms = context.rooms
        switch method {
        case "get_room_state":
            guard let room = try parameters.lookedFor("room_id", RoomID.self) else { return .state(StateMap()) }
            let filter = try Self.filter(parameters)
            guard let filter, !filter.isEmpty else { return .state(try await rooms.state(of: room)) }
            return .state(StateMap(try await rooms.state(of: room, matching: filter)))
        case "create_and_send_event_into_room":
            return .event(try await rooms.send(try Self.newEvent(parameters)))
        case "update_room_membership":
            let name = try parameters.string("new_membership")
            guard let action = MembershipChange.Action(rawValue: name) else {
                throw MatrixError(status: 400, code: .unknown, message: "Invalid membership \(bounded(name, to: 50))")
            }
            let change = MembershipChange(
                action, of: try parameters.user("target"), in: try parameters.room(), by: try parameters.user("sender"),
                content: parameters.object.object("content") ?? [:],
                servers: try parameters.strings("remote_room_hosts").compactMap { ServerName($0) })
            return .event(try await rooms.changeMembership(change))
        case "create_room":
            let room = try await rooms.create(
                try parameters.object("config"), by: try parameters.user(),
                isRateLimited: try parameters.bool("ratelimit", default: true),
                joinProfile: parameters.object.object("creator_join_profile"))
            return .json(["room_id": .string(room.room.string), "room_alias": JSON(room.alias?.string)])
        case "lookup_room_alias":
            let found = try await rooms.lookUp(try parameters.identifier("room_alias", RoomAlias.self))
            return .json([
                "room_id": .string(found.room.string), "servers": .array(found.servers.map { .string($0.string) }),
            ])
        case "get_event":
            guard let id = try parameters.lookedFor("event_id", EventID.self),
                let event = try await rooms.event(id)
            else { return .nothing }
            return .event(event)
        case "get_rooms_for_user":
            guard let user = try parameters.lookedFor("user_id", UserID.self) else { return .json([]) }
            return .json(.array(try await rooms.rooms(of: user).map { .string($0.string) }))
        case "get_users_in_room":
            guard let room = try parameters.lookedFor("room_id", RoomID.self) else { return .json([]) }
            return .json(.array(try await rooms.users(in: room).map { .string($0.string) }))
        case "get_room_version":
            guard let room = try parameters.lookedFor("room_id", RoomID.self) else { return .nothing }
            return .string(try await rooms.version(of: room)?.id)
        default: return nil
        }
    }

    /// Pairs of a type and a state key, or `null` for any; `nil` if everything is wanted.
    private static func filter(_ parameters: Parameters) throws -> [StateFilterEntry]? {
        guard let value = parameters.object["filter"], !value.isNull else { return nil }
        return try (value.arrayValue ?? []).map { entry in
            guard let pair = entry.arrayValue, pair.count == 2, let type = pair[0].stringValue,
                pair[1].isNull || pair[1].stringValue != nil
            else { throw HostError.type("filter must be a list of pairs of a type and a state key or None") }
            return StateFilterEntry(EventType(type), pair[1].stringValue)
        }
    }

    private static func newEvent(_ parameters: Parameters) throws -> NewEvent {
        let event = Parameters(object: try parameters.object("event"))
        return NewEvent(
            type: EventType(try event.string("type")), roomID: try event.room("room_id"),
            sender: try event.user("sender"), content: try event.object("content"),
            stateKey: try event.optionalString("state_key"))
    }

    func serveLists(
        _ method: String, _ parameters: Parameters, _ context: any ModuleContext
    ) async throws -> CallResult? {
        switch method {
        case "room_is_in_public_room_list":
            guard let room = try parameters.lookedFor("room_id", RoomID.self) else { return .bool(false) }
            return .bool(try await context.publicRooms.contains(room))
        case "add_room_to_public_room_list":
            try await context.publicRooms.add(try parameters.room())
        case "remove_room_from_public_room_list":
            try await context.publicRooms.remove(try parameters.room())
        case "get_account_data":
            let (user, type) = (try parameters.user(), try parameters.string("type"))
            let content: JSONObject?
            if let room = try parameters.optionalString("room_id") {
                guard let room = RoomID(room) else { return .nothing }
                content = try await context.accountData.data(type, in: room, of: user)
            } else {
                content = try await context.accountData.global(type, of: user)
            }
            return .json(content.map { .object($0) } ?? .null)
        case "put_account_data":
            try await context.accountData.setGlobal(
                try parameters.string("type"), to: try parameters.object("content"), of: try parameters.user())
        default: return nil
        }
        return .nothing
    }
}
