import MatrixCore
import ModuleAPI

extension Puppet {
    func runRooms(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let rooms = context.rooms
        switch call {
        case "rooms.state": return try await .map(try await rooms.state(of: try command.room()))
        case "rooms.state_of":
            let filter = (command.array("filter") ?? []).map {
                StateFilterEntry(EventType($0["type"]?.stringValue ?? ""), $0["state_key"]?.stringValue)
            }
            return .map(try await rooms.state(of: try command.room(), matching: filter))
        case "rooms.send":
            return .event(
                try await rooms.send(
                    NewEvent(
                        type: EventType(try command.need("type")), roomID: try command.room(),
                        sender: try command.user("sender"), content: command.object("content") ?? [:],
                        stateKey: command.string("state_key"))))
        case "rooms.change_membership":
            guard let action = MembershipChange.Action(rawValue: try command.need("action")) else {
                throw Failure("no such action")
            }
            return .event(
                try await rooms.changeMembership(
                    MembershipChange(
                        action, of: try command.user("target"), in: try command.room(), by: try command.user("sender"),
                        content: command.object("content") ?? [:])))
        case "rooms.create":
            let made = try await rooms.create(
                command.object("request") ?? [:], by: try command.user(),
                isRateLimited: command.bool("is_rate_limited") ?? true, joinProfile: command.object("join_profile"))
            return [.id(made.room), .id(made.alias)]
        case "rooms.look_up":
            let found = try await rooms.lookUp(RoomAlias(trusted: try command.need("alias")))
            return [.id(found.room), .array(found.servers.map { .id($0) })]
        case "rooms.event":
            return try await rooms.event(EventID(trusted: try command.need("event"))).map(JSON.event) ?? .null
        case "rooms.of": return .array(try await rooms.rooms(of: try command.user()).map { .id($0) })
        case "rooms.users": return .array(try await rooms.users(in: try command.room()).map { .id($0) })
        case "rooms.version": return .text(try await rooms.version(of: try command.room())?.id)
        default: return nil
        }
    }

    func runLists(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let (list, data) = (context.publicRooms, context.accountData)
        switch call {
        case "public_rooms.contains": return .bool(try await list.contains(try command.room()))
        case "public_rooms.add": try await list.add(try command.room())
        case "public_rooms.remove": try await list.remove(try command.room())
        case "account_data.global":
            return try await data.global(try command.need("type"), of: try command.user()).map { .object($0) } ?? .null
        case "account_data.room":
            let type = try command.need("type")
            return try await data.data(type, in: try command.room(), of: try command.user()).map { .object($0) }
                ?? .null
        case "account_data.set_global":
            try await data.setGlobal(
                try command.need("type"), to: command.object("content") ?? [:], of: try command.user())
        default: return nil
        }
        return .null
    }
}
