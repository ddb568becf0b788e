import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

extension RoomServer {
    fileprivate func directory(_ configure: (inout RoomSettings) -> Void = { _ in }) -> RoomDirectory {
        var settings = RoomSettings(serverName: Self.name)
        configure(&settings)
        return RoomDirectory(database: database, sender: sender, stream: stream, settings: settings)
    }

    fileprivate func canonical(of room: RoomID, by user: Requester) async throws -> JSONObject? {
        try JSON.parse(
            await reader.state(StateKey(.canonicalAlias), of: room, as: .content, by: user)
        ).objectValue
    }

    /// Publishes a room of `members` members.
    fileprivate func publish(_ name: String, members: Int, _ further: JSONObject = [:]) async throws -> RoomID {
        var request = further
        request["preset"] = "public_chat"
        request["visibility"] = "public"
        request["name"] = .string(name)
        let room = try await createRoom(by: user("alice"), request)
        for number in 1..<members { try await join(room, by: user("m\(number)")) }
        return room
    }
}

extension JSONObject {
    fileprivate var names: [String] { array("chunk")?.compactMap { $0["name"]?.stringValue } ?? [] }
}

@Suite struct RoomDirectoryTests {
    private static let alias = RoomAlias(trusted: "#alias:example.org")

    @Test(arguments: Engine.available)
    func `an alias is made by a member, resolved by anyone, and taken once`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            let directory = server.directory()
            #expect(await refusal { try await directory.resolve(Self.alias).room }?.status == 404)
            #expect(await refusal { try await directory.create(Self.alias, for: room, by: bob) }?.status == 403)
            try await directory.create(Self.alias, for: room, by: alice)
            #expect(try await directory.resolve(Self.alias).room == room)
            #expect(try await directory.aliases(of: room, by: alice) == [Self.alias])
            #expect(await refusal { try await directory.aliases(of: room, by: bob) }?.status == 403)
            let taken: MatrixError? = await refusal { try await directory.create(Self.alias, for: room, by: alice) }
            #expect(taken?.status == 409)
            for (bad, status) in [("#a b:example.org", 400), ("#a:elsewhere.org", 400)] {
                let error: MatrixError? = await refusal {
                    try await directory.create(RoomAlias(trusted: bad), for: room, by: alice)
                }
                #expect(error?.status == status)
            }
            let unknown: MatrixError? = await refusal {
                try await directory.create(Self.alias, for: RoomID(trusted: "!no:example.org"), by: alice)
            }
            #expect(unknown?.status == 400)
            let closed = server.directory { $0.mayCreateAlias = { _, _, _ in false } }
            let other = RoomAlias(trusted: "#other:example.org")
            #expect(await refusal { try await closed.create(other, for: room, by: alice) }?.status == 403)
            let open = server.directory { $0.aliasesRequireMembership = false }
            try await open.create(other, for: room, by: bob)
        }
    }

    @Test(arguments: Engine.available)
    func `an alias is removed by its creator or a moderator, also from the canonical ones`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let directory = server.directory()
            let other = RoomAlias(trusted: "#other:example.org")
            try await directory.create(Self.alias, for: room, by: alice)
            try await directory.create(other, for: room, by: bob)
            _ = try await server.rooms.setState(
                StateKey(.canonicalAlias),
                content: [
                    "alias": .string(other.string), "alt_aliases": [.string(Self.alias.string), .string(other.string)],
                ], in: room, by: alice)
            #expect(await refusal { try await directory.delete(Self.alias, by: bob) }?.status == 403)
            #expect(await refusal { try await directory.delete(Self.alias, by: server.user("eve")) }?.status == 403)
            try await directory.delete(Self.alias, by: alice)
            #expect(
                try await server.canonical(of: room, by: alice) == [
                    "alias": .string(other.string), "alt_aliases": [.string(other.string)],
                ])
            // Bob made it, so it goes, though he has no say in the room's state.
            try await directory.delete(other, by: bob)
            #expect(await refusal { try await directory.resolve(other).room }?.status == 404)
            #expect(try await server.canonical(of: room, by: alice)?.string("alias") == other.string)
            #expect(await refusal { try await directory.delete(other, by: bob) }?.status == 404)
        }
    }

    @Test(arguments: Engine.available)
    func `a room is published by those who may name it`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let directory = server.directory()
            #expect(try await directory.isPublished(room) == false)
            for user in [bob, server.user("eve")] {
                #expect(await refusal { try await directory.setPublished(true, room, by: user) }?.status == 403)
            }
            let ruled = server.directory { $0.mayPublish = { _, _, _ in false } }
            #expect(await refusal { try await ruled.setPublished(true, room, by: alice) }?.status == 403)
            try await directory.setPublished(true, room, by: alice)
            #expect(try await directory.isPublished(room))
            try await ruled.setPublished(false, room, by: alice)
            #expect(try await directory.isPublished(room) == false)
            #expect(await refusal { try await directory.isPublished(RoomID(trusted: "!no:x")) }?.status == 404)
        }
    }

    @Test(arguments: Engine.available)
    func `public rooms are listed by size, page by page, both ways`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            for (name, members) in [("c", 1), ("a", 3), ("d", 1), ("b", 2), ("e", 1)] {
                _ = try await server.publish(name, members: members)
            }
            let directory = server.directory()
            func page(_ since: String? = nil) async throws -> JSONObject {
                try await directory.publicRooms(PublicRoomsRequest(limit: 2, since: since))
            }
            let first = try await page()
            #expect(first.names == ["a", "b"])
            #expect(first["prev_batch"] == nil)
            #expect(first.integer("total_room_count_estimate") == 5)
            let second = try await page(first.string("next_batch"))
            #expect(second.names == ["e", "d"])
            let third = try await page(second.string("next_batch"))
            #expect(third.names == ["c"])
            #expect(third["next_batch"] == nil)
            let back = try await page(third.string("prev_batch"))
            #expect(back.names == second.names)
            #expect(try await page(back.string("next_batch")).names == third.names)
            let start = try await page(back.string("prev_batch"))
            #expect(start.names == first.names)
            #expect(start["prev_batch"] == nil)
            #expect(await refusal { try await page("zz") }?.status == 400)
            #expect(await refusal { try await page("n1_!no:x") }?.status == 400)
        }
    }

    @Test(arguments: Engine.available)
    func `public rooms are found by what they are called and of which type they are`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            _ = try await server.publish("Garden", members: 1, ["topic": "Plants & more"])
            _ = try await server.publish("Space", members: 1, ["creation_content": ["type": "m.space"]])
            _ = try await server.publish("Named", members: 1, ["room_alias_name": "greenhouse"])
            _ = try await server.createRoom(by: server.user("alice"), ["preset": "public_chat", "name": "Hidden"])
            let directory = server.directory()
            func found(_ term: String?, _ types: [String?]? = nil) async throws -> Set<String> {
                let request = PublicRoomsRequest(searchTerm: term, types: types)
                return Set(try await directory.publicRooms(request).names)
            }
            #expect(try await found(nil) == ["Garden", "Space", "Named"])
            #expect(try await found("") == ["Garden", "Space", "Named"])
            #expect(try await found("gARDen") == ["Garden"])
            #expect(try await found("plants") == ["Garden"])
            #expect(try await found("GREENHOUSE") == ["Named"])
            #expect(try await found("hidden") == [])
            #expect(try await found(nil, ["m.space"]) == ["Space"])
            #expect(try await found(nil, [nil]) == ["Garden", "Named"])
            #expect(try await found(nil, []) == [])
            let entry = try await directory.publicRooms(PublicRoomsRequest(searchTerm: "space")).array("chunk")?.first
            #expect(entry?["room_type"] == "m.space")
            #expect(entry?["join_rule"] == "public")
            #expect(entry?["num_joined_members"] == 1)
            #expect(entry?["world_readable"] == false)
            #expect(entry?["guest_can_join"] == false)
            let unlisted = server.directory { $0.listsRooms = false }
            #expect(try await unlisted.publicRooms(PublicRoomsRequest()).array("chunk") == [])
        }
    }
}
