public import MatrixCore
import Synchronization

/// Events for tests, with IDs of their own and nothing of what ties them to a room.
extension Event {
    /// A text message.
    public static func message(
        _ body: String, by sender: UserID = .alice, in room: RoomID = .testRoom
    ) -> Event {
        test(.message, ["msgtype": "m.text", "body": .string(body)], by: sender, in: room)
    }

    /// A membership; the sender is the user unless another is named.
    public static func member(
        _ user: UserID, _ membership: Membership = .join, by sender: UserID? = nil, in room: RoomID = .testRoom,
        content: JSONObject = [:]
    ) -> Event {
        var content = content
        content["membership"] = .string(membership.rawValue)
        return test(.member, content, stateKey: user.string, by: sender ?? user, in: room)
    }

    /// A state event.
    public static func state(
        _ type: EventType, _ content: JSONObject, key: String = "", by sender: UserID = .alice,
        in room: RoomID = .testRoom
    ) -> Event {
        test(type, content, stateKey: key, by: sender, in: room)
    }

    /// Any event.
    /// - Parameters:
    ///   - stateKey: `nil` for an event that is no state.
    ///   - further: More top-level fields, such as `unsigned`.
    public static func test(
        _ type: EventType, _ content: JSONObject, stateKey: String? = nil, by sender: UserID = .alice,
        in room: RoomID = .testRoom, version: RoomVersion = .v11, further: JSONObject = [:]
    ) -> Event {
        let number = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        var object: JSONObject = [
            "type": .string(type.string), "sender": .string(sender.string), "room_id": .string(room.string),
            "content": .object(content), "origin_server_ts": .integer(1_700_000_000_000 + number),
        ]
        if let stateKey { object["state_key"] = .string(stateKey) }
        for (key, value) in further { object[key] = value }
        return Event(stored: object, eventID: EventID(trusted: "$test\(number)"), roomID: room, version: version)
    }

    private static let lastNumber = Atomic<Int64>(0)
}

extension UserID {
    /// `@alice:test`
    public static let alice = UserID(trusted: "@alice:test")
    /// `@bob:test`
    public static let bob = UserID(trusted: "@bob:test")
}

extension RoomID {
    /// `!room:test`
    public static let testRoom = RoomID(trusted: "!room:test")
}

extension Requester {
    /// Whoever makes a request.
    public static func test(_ user: UserID = .alice, isAdmin: Bool = false) -> Requester {
        Requester(user: user, device: "DEVICE", accountNumber: 1, isAdmin: isAdmin)
    }
}
