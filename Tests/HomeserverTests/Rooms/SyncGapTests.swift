import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

@Suite struct SyncGapTests {
    @Test(arguments: Engine.available)
    func `a gap tells of all members who changed in it, also to a client that loads them lazily`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let lazy: JSONObject = [
                "room": ["state": ["lazy_load_members": true], "timeline": ["limit": 2]]
            ]
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(alice, filter: lazy)["next_batch"]?.stringValue)
            try await server.change(.leave, bob, in: room, by: bob)
            for number in 0..<3 { try await server.say("\(number)", in: room, by: alice) }
            let answer = try await server.syncOnce(alice, since: since, filter: lazy).at("rooms", "join", room.string)
            #expect(answer?.at("timeline", "limited") == true)
            let gone = answer?.at("state", "events")?.arrayValue?.first { $0["state_key"] == "@bob:example.org" }
            #expect(gone?.at("content", "membership") == "leave")
        }
    }

    @Test(arguments: Engine.available)
    func `state that the timeline's filter leaves out is told beside it`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let filter: JSONObject = ["room": ["timeline": ["types": ["m.room.message"]]]]
            let room = try await server.createRoom(by: alice)
            let since = try #require(try await server.syncOnce(alice, filter: filter)["next_batch"]?.stringValue)
            try await server.set(.topic, ["topic": "first"], in: room, by: alice)
            try await server.say("one", in: room, by: alice)
            try await server.set(.topic, ["topic": "second"], in: room, by: alice)
            try await server.set(.name, ["name": "Den"], in: room, by: alice)
            try await server.say("two", in: room, by: alice)
            let answer = try await server.syncOnce(alice, since: since, filter: filter).at("rooms", "join", room.string)
            #expect(answer?.at("timeline", "events")?.bodies == ["one", "two"])
            let state = answer?.at("state", "events")?.arrayValue ?? []
            #expect(Set(state.compactMap { $0["type"]?.stringValue }) == ["m.room.topic", "m.room.name"])
            #expect(state.count == 2)
            #expect(state.contains { $0.at("content", "topic") == "second" })
        }
    }

    @Test(arguments: Engine.available)
    func `events a filter drops do not hide that there are more`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let filter: JSONObject = ["room": ["timeline": ["senders": ["@bob:example.org"], "limit": 5]]]
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(alice)["next_batch"]?.stringValue)
            try await server.say("look here", in: room, by: bob)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<250 { group.addTask { try await server.say("\(number)", in: room, by: alice) } }
                try await group.waitForAll()
            }
            let timeline = try await server.syncOnce(alice, since: since, filter: filter)
                .at("rooms", "join", room.string, "timeline")
            #expect(timeline?["events"]?.bodies == ["look here"])
            #expect(timeline?["limited"] == false)
        }
    }

    @Test(arguments: Engine.available)
    func `what was said before somebody came bears the membership of somebody outside`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.say("before", in: room, by: alice)
            try await server.join(room, by: bob)
            try await server.say("after", in: room, by: alice)
            let events = try await server.syncOnce(bob).at("rooms", "join", room.string, "timeline", "events")
            let memberships = events?.arrayValue?.suffix(3).map { $0.at("unsigned", "membership") }
            #expect(memberships == ["leave", "join", "join"])
        }
    }

    @Test(arguments: Engine.available)
    func `who is let go of in memory misses nothing`(engine: Engine) async throws {
        try await withRoomServer(engine, userLimit: 1) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            let held = try await server.stream.rooms(of: bob.user)
            let seen = held.wakeUps
            _ = try await server.syncOnce(alice)
            try #require(held.isRetired)
            // Does not wait for what it will never be told.
            await held.wait(beyond: seen)
            try await server.join(room, by: bob)
            let answer = try await server.syncOnce(bob, since: since)
            #expect(answer.at("rooms", "join", room.string) != nil)
        }
    }
}
