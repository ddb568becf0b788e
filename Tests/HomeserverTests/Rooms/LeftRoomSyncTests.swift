import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

@Suite struct LeftRoomSyncTests {
    private static let withLeave: JSONObject = ["room": ["include_leave": true]]

    private func left(_ answer: JSON, _ room: RoomID) -> (timeline: [String], state: [String])? {
        answer.at("rooms", "leave", room.string).map {
            ($0.at("timeline", "events")?.types ?? [], $0.at("state", "events")?.types ?? [])
        }
    }

    @Test(arguments: Engine.available)
    func `who declined an invite is not shown the room, however they ask`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "private_chat", "name": "Den"])
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            try await server.change(.invite, bob, in: room, by: alice)
            try await server.change(.leave, bob, in: room, by: bob)
            for answer in [
                try await server.syncOnce(bob, filter: Self.withLeave), try await server.syncOnce(bob, since: since),
                try await server.syncOnce(bob, since: since, fullState: true),
            ] {
                let shown = try #require(left(answer, room))
                #expect(shown.timeline == ["m.room.member"])
                #expect(shown.state.isEmpty)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `who takes back a knock is not shown the room, however they ask`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(
                by: alice, ["initial_state": [["type": "m.room.join_rules", "content": ["join_rule": "knock"]]]])
            let start = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            try await server.change(.knock, bob, in: room, by: bob)
            let knocking = try await server.syncOnce(bob, since: start)
            #expect(
                knocking.at("rooms", "knock", room.string, "knock_state", "events")?.types.contains("m.room.member")
                    == true)
            try await server.change(.leave, bob, in: room, by: bob)
            let shown = try #require(left(try await server.syncOnce(bob, filter: Self.withLeave), room))
            #expect(shown.timeline == ["m.room.member"])
            #expect(shown.state.isEmpty)
        }
    }

    @Test(arguments: Engine.available)
    func `a member who left, and declined a later invite, sees the room as they left it`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            try await server.change(.leave, bob, in: room, by: bob)
            try await server.set(.topic, ["topic": "behind their back"], in: room, by: alice)
            try await server.change(.invite, bob, in: room, by: alice)
            try await server.change(.leave, bob, in: room, by: bob)
            let answer = try await server.syncOnce(bob, filter: Self.withLeave)
            let shown = try #require(left(answer, room))
            #expect(!(shown.timeline + shown.state).contains("m.room.topic"))
            #expect((shown.timeline + shown.state).contains("m.room.create"))
            #expect(shown.timeline.last == "m.room.member")
        }
    }

    @Test(arguments: Engine.available)
    func `who joined and left between two answers is told what they saw`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            try await server.join(room, by: bob)
            try await server.say("hello, bob", in: room, by: alice)
            try await server.change(.leave, bob, in: room, by: bob)
            try await server.say("he is gone", in: room, by: alice)
            let events = try await server.syncOnce(bob, since: since)
                .at("rooms", "leave", room.string, "timeline", "events")
            #expect(events?.bodies == ["hello, bob"])
            #expect(events?.types.last == "m.room.member")
        }
    }

    @Test(arguments: Engine.available)
    func `a room that is left and forgotten at once leaves the lists of all devices`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            try await server.change(.leave, bob, in: room, by: bob)
            try await server.memberships.forget(room, by: bob)
            let answer = try await server.syncOnce(bob, since: since)
            #expect(left(answer, room)?.timeline == ["m.room.member"])
            #expect(left(try await server.syncOnce(bob, filter: Self.withLeave), room) == nil)
        }
    }
}
