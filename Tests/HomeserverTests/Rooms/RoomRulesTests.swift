import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@testable import Homeserver

/// What the server refuses whatever a room's own rules say.
@Suite struct RoomRulesTests {
    private static func reaction(_ key: String?, to event: EventID, _ type: String = "m.annotation") -> JSONObject {
        var relation: JSONObject = ["rel_type": .string(type), "event_id": .string(event.string)]
        relation["key"] = key.map { .string($0) }
        return ["m.relates_to": .object(relation)]
    }

    @Test(arguments: Engine.available)
    func `a canonical alias must point to the room, unless it is there already`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "public_chat", "room_alias_name": "ours"])
            _ = try await server.createRoom(by: bob, ["room_alias_name": "theirs"])
            let refused: [JSONObject] = [
                ["alias": "#theirs:example.org"], ["alias": "#none:example.org"], ["alias": "#ours:elsewhere.example"],
                ["alias": "#ours:example.org", "alt_aliases": ["#theirs:example.org"]],
            ]
            for content in refused {
                let error = await refusal { try await server.set(.canonicalAlias, content, in: room, by: alice) }
                #expect(error?.status == 400)
                #expect(error?.code == .badAlias)
                let request: JSONObject = [
                    "initial_state": [["type": "m.room.canonical_alias", "content": .object(content)]]
                ]
                #expect(await refusal { try await server.createRoom(by: bob, request) }?.code == .badAlias)
            }
            for content: JSONObject in [["alias": "ours"], ["alias": 1], ["alt_aliases": "#ours:example.org"]] {
                let error = await refusal { try await server.set(.canonicalAlias, content, in: room, by: alice) }
                #expect(error?.code == .invalidParam)
            }
            try await server.set(
                .canonicalAlias, ["alias": nil, "alt_aliases": ["#ours:example.org"]], in: room, by: alice)
            try await server.set(.canonicalAlias, [:], in: room, by: alice)
        }
    }

    @Test(arguments: Engine.available)
    func `nobody says the same of an event twice, unless the first was redacted`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let event = try await server.say("hello", in: room, by: alice)
            func react(_ key: String?, by user: Requester, transaction: String? = nil) async throws -> EventID {
                try await server.rooms.send(
                    type: "m.reaction", content: Self.reaction(key, to: event), to: room, by: user,
                    transaction: transaction)
            }
            let first = try await react("+1", by: alice, transaction: "once")
            #expect(try await react("+1", by: alice, transaction: "once") == first)
            let error = await refusal { try await react("+1", by: alice, transaction: "twice") }
            #expect(error?.status == 400)
            #expect(error?.code == .duplicateAnnotation)
            #expect(await refusal { try await react(nil, by: alice) }?.status == 400)
            _ = try await react("-1", by: alice)
            _ = try await react("+1", by: bob)
            _ = try await server.rooms.redact(first, content: [:], in: room, by: alice)
            #expect(try await react("+1", by: alice) != first)
        }
    }

    @Test(arguments: Engine.available)
    func `events relate to events of their room, and threads begin at none that relate`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let other = try await server.createRoom(by: alice)
            let elsewhere = try await server.say("elsewhere", in: other, by: alice)
            let root = try await server.say("root", in: room, by: alice)
            func relate(_ type: String, to event: EventID) async throws -> EventID {
                try await server.rooms.send(
                    type: "org.example.any", content: Self.reaction("x", to: event, type), to: room, by: alice)
            }
            for target in [elsewhere, EventID(trusted: "$none")] {
                #expect(await refusal { try await relate("m.thread", to: target) }?.status == 400)
            }
            let reply = try await relate("m.thread", to: root)
            #expect(await refusal { try await relate("m.thread", to: reply) }?.status == 400)
            _ = try await relate("m.replace", to: reply)
        }
    }

    @Test(arguments: Engine.available)
    func `guests join only where the room lets them`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, guest) = (server.user("alice"), server.user("guest", isGuest: true))
            let room = try await server.createRoom(by: alice)
            let error = await refusal { try await server.join(room, by: guest) }
            #expect(error?.status == 403)
            #expect(error?.code == .guestAccessForbidden)
            try await server.set(.guestAccess, ["guest_access": "can_join"], in: room, by: alice)
            try await server.join(room, by: guest)
            // Who is in already may say so again.
            try await server.join(room, by: guest)
        }
    }

    @Test(arguments: Engine.available)
    func `guests leave a room that is closed to them, and others stay`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let guest = server.user("guest", isGuest: true)
            let room = try await server.createRoom(by: alice)
            try await server.set(.guestAccess, ["guest_access": "can_join"], in: room, by: alice)
            for user in [bob, guest] {
                _ = try await server.database.write { transaction in
                    var account = NewAccount(user: user.user, createdAt: Timestamp(milliseconds: 0))
                    account.isGuest = user.isGuest
                    return try transaction.accounts.insert(account)
                }
                try await server.join(room, by: user)
            }
            try await server.set(.guestAccess, ["guest_access": "forbidden"], in: room, by: alice)
            #expect(try await server.memberships.joinedRooms(of: guest.user).isEmpty)
            #expect(try await server.memberships.joinedRooms(of: bob.user) == [room])
        }
    }

    @Test(arguments: Engine.available)
    func `nobody is made to join by another`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            for _ in 0..<2 {
                let error = await refusal {
                    try await server.rooms.setState(
                        .member(bob.user), content: ["membership": "join"], in: room, by: alice)
                }
                #expect(error?.status == 403)
                try await server.join(room, by: bob)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a repeated invite is refused to somebody outside like the first`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob, mallory) = (server.user("alice"), server.user("bob"), server.user("mallory"))
            let room = try await server.createRoom(by: alice)
            let invite = try await server.change(.invite, bob, in: room, by: alice)
            #expect(try await server.change(.invite, bob, in: room, by: alice) == invite)
            #expect(await refusal { try await server.change(.invite, bob, in: room, by: mallory) }?.status == 403)
        }
    }

    @Test(arguments: Engine.available, [MembershipService.Action.kick, .unban, .leave])
    func `there is nobody to send away in a room nobody knows`(
        engine: Engine, action: MembershipService.Action
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let error = await refusal {
                try await server.change(action, bob, in: RoomID(trusted: "!none:example.org"), by: alice)
            }
            #expect(error?.status == 404)
        }
    }
}
