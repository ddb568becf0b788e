import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

@Suite struct SyncTests {
    @Test(arguments: Engine.available)
    func `an incremental sync tells only what is new`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            #expect(try await server.syncOnce(bob, since: since)["rooms"] == nil)
            try await server.say("news", in: room, by: alice)
            let answer = try await server.syncOnce(bob, since: since).at("rooms", "join", room.string)
            #expect(answer?.at("timeline", "events")?.bodies == ["news"])
            #expect(answer?.at("timeline", "limited") == false)
            #expect(answer?.at("state", "events") == [])
        }
    }

    @Test(arguments: Engine.available)
    func `a gap is marked, and the state in it is told`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            _ = try await server.rooms.setState(StateKey(.topic), content: ["topic": "t"], in: room, by: alice)
            for number in 1...5 { try await server.say("\(number)", in: room, by: alice) }
            let filter: JSONObject = ["room": ["timeline": ["limit": 2]]]
            let answer = try await server.syncOnce(bob, since: since, filter: filter).at("rooms", "join", room.string)
            #expect(answer?.at("timeline", "events")?.bodies == ["4", "5"])
            #expect(answer?.at("timeline", "limited") == true)
            #expect(answer?.at("state", "events")?.types == ["m.room.topic"])
            let after = try await server.syncOnce(bob, since: since, filter: filter, stateAfter: true)
                .at("rooms", "join", room.string)
            #expect(after?.at("state_after", "events")?.types == ["m.room.topic"])
            #expect(after?["state"] == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `an invite comes with stripped state, a join with everything, a leave with its event`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "private_chat", "name": "Den"])
            let start = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            _ = try await server.memberships.apply(.init(.invite, of: bob.user), in: room, by: alice)
            let invited = try await server.syncOnce(bob, since: start)
            let stripped = invited.at("rooms", "invite", room.string, "invite_state", "events")
            #expect(stripped?.types.contains("m.room.name") == true)
            #expect(stripped?.arrayValue?.allSatisfy { $0["event_id"] == nil } == true)
            #expect(stripped?.arrayValue?.last?.at("content", "membership") == "invite")

            let second = try #require(invited["next_batch"]?.stringValue)
            try await server.join(room, by: bob)
            let joined = try await server.syncOnce(bob, since: second)
            let state = joined.at("rooms", "join", room.string)
            let known = (state?.at("state", "events")?.types ?? []) + (state?.at("timeline", "events")?.types ?? [])
            #expect(known.contains("m.room.create"))
            #expect(known.contains("m.room.name"))

            let third = try #require(joined["next_batch"]?.stringValue)
            _ = try await server.memberships.apply(.init(.leave, of: bob.user), in: room, by: bob)
            try await server.say("behind their back", in: room, by: alice)
            let left = try await server.syncOnce(bob, since: third)
            #expect(left.at("rooms", "join") == nil)
            let events = left.at("rooms", "leave", room.string, "timeline", "events")
            #expect(events?.types == ["m.room.member"])
            let fourth = try #require(left["next_batch"]?.stringValue)
            #expect(try await server.syncOnce(bob, since: fourth)["rooms"] == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `who joins late sees history only as far as its visibility allows`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            for (visibility, isShown) in [
                ("shared", true), ("joined", false), ("invited", false), ("world_readable", true),
            ] {
                let room = try await server.createRoom(
                    by: alice,
                    [
                        "preset": "public_chat",
                        "initial_state": [
                            [
                                "type": "m.room.history_visibility",
                                "content": ["history_visibility": .string(visibility)],
                            ]
                        ],
                    ])
                try await server.say("before", in: room, by: alice)
                try await server.join(room, by: bob)
                try await server.say("after", in: room, by: alice)
                let events = try await server.syncOnce(bob).at("rooms", "join", room.string, "timeline", "events")
                #expect(events?.bodies == (isShown ? ["before", "after"] : ["after"]), "\(visibility)")
            }
        }
    }

    @Test(arguments: Engine.available)
    func `lazy loading sends the senders' members once`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob, carol) = (server.user("alice"), server.user("bob"), server.user("carol"))
            let room = try await server.createRoom(by: alice)
            for user in [bob, carol] { try await server.join(room, by: user) }
            for number in 1...12 { try await server.say("\(number)", in: room, by: alice) }
            let filter: JSONObject = ["room": ["state": ["lazy_load_members": true]]]
            let first = try await server.syncOnce(bob, filter: filter)
            func members(_ answer: JSON) -> Set<String> {
                let events = answer.at("rooms", "join", room.string, "state", "events")?.arrayValue ?? []
                return Set(events.filter { $0["type"] == "m.room.member" }.compactMap { $0["state_key"]?.stringValue })
            }
            #expect(members(first).isSuperset(of: [alice.user.string, bob.user.string]))
            let summary = first.at("rooms", "join", room.string, "summary")
            #expect(summary?["m.joined_member_count"] == 3)
            let since = try #require(first["next_batch"]?.stringValue)
            try await server.say("again", in: room, by: alice)
            #expect(members(try await server.syncOnce(bob, since: since, filter: filter)).isEmpty)
        }
    }

    @Test(arguments: Engine.available)
    func `a long poll ends with the first news, and with its time`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            let request = SyncRequest(since: StreamToken(since), timeout: .seconds(60))
            async let waiting = server.sync.sync(request, by: bob)
            let watched = try await server.stream.rooms(of: bob.user)
            while !watched.hasWaiters { await Task.yield() }
            try await server.say("wake up", in: room, by: alice)
            let answer = try JSON.parse(try await waiting)
            #expect(answer.at("rooms", "join", room.string, "timeline", "events")?.bodies == ["wake up"])

            let next = try #require(answer["next_batch"]?.stringValue)
            let idle = SyncRequest(since: StreamToken(next), timeout: .milliseconds(1))
            async let ending = server.sync.sync(idle, by: bob)
            let polling = Task {
                while !Task.isCancelled {
                    server.timeouts.advance()
                    await Task.yield()
                }
            }
            #expect(try JSON.parse(try await ending)["rooms"] == nil)
            polling.cancel()
        }
    }

    @Test(arguments: Engine.available)
    func `a client that hangs up stops waiting`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let bob = server.user("bob")
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            let poll = Task {
                try await server.sync.sync(SyncRequest(since: StreamToken(since), timeout: .seconds(600)), by: bob)
            }
            let watched = try await server.stream.rooms(of: bob.user)
            while !watched.hasWaiters { await Task.yield() }
            poll.cancel()
            await #expect(throws: CancellationError.self) { try await poll.value }
            #expect(!watched.hasWaiters)
        }
    }

    @Test(arguments: Engine.available)
    func `a client that is nearly up to date sees no redacted content and all state after the timeline`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let since = try #require(try await server.syncOnce(alice)["next_batch"]?.stringValue)
            let event = try await server.say("secret", in: room, by: alice)
            _ = try await server.rooms.redact(event, content: [:], in: room, by: alice)
            _ = try await server.rooms.setState(StateKey(.topic), content: ["topic": "t"], in: room, by: alice)
            let answer = try await server.syncOnce(alice, since: since, stateAfter: true)
                .at("rooms", "join", room.string)
            #expect(answer?.at("timeline", "events")?.arrayValue?.first?["content"] == [:])
            #expect(answer?.at("state_after", "events")?.types == ["m.room.topic"])
        }
    }

    @Test(arguments: Engine.available)
    func `a filter may ask for events that others relate to`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let liked = try await server.say("liked", in: room, by: alice)
            try await server.say("ignored", in: room, by: alice)
            _ = try await server.rooms.send(
                type: "m.reaction",
                content: [
                    "m.relates_to": ["rel_type": "m.annotation", "event_id": .string(liked.string), "key": "+1"]
                ], to: room, by: bob)
            func bodies(_ timeline: JSONObject) async throws -> [String]? {
                let answer = try await server.syncOnce(alice, filter: ["room": ["timeline": .object(timeline)]])
                return answer.at("rooms", "join", room.string, "timeline", "events")?.bodies
            }
            #expect(try await bodies(["related_by_rel_types": ["m.annotation"]]) == ["liked"])
            #expect(try await bodies(["related_by_senders": [.string(bob.user.string)]]) == ["liked"])
            #expect(try await bodies(["related_by_senders": [.string(alice.user.string)]]) == [])
            #expect(try await bodies(["related_by_rel_types": ["m.thread"]]) == [])
        }
    }

    @Test(arguments: Engine.available)
    func `what is said right after somebody left is not for them, even if it was written along`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let since = try #require(try await server.syncOnce(bob)["next_batch"]?.stringValue)
            // All of these wait for the room at once, so most are written in one transaction.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.say("first", in: room, by: alice) }
                group.addTask { _ = try await server.memberships.apply(.init(.leave, of: bob.user), in: room, by: bob) }
                for number in 0..<20 { group.addTask { try await server.say("\(number)", in: room, by: alice) } }
                try await group.waitForAll()
            }
            let all =
                try await server.syncOnce(alice, since: since, filter: ["room": ["timeline": ["limit": 50]]])
                .at("rooms", "join", room.string, "timeline", "events")?.arrayValue ?? []
            let left = try #require(all.firstIndex { $0["type"] == "m.room.member" })
            let seen =
                try await server.syncOnce(bob, since: since, filter: ["room": ["timeline": ["limit": 50]]])
                .at("rooms", "leave", room.string, "timeline", "events")?.arrayValue ?? []
            #expect(seen.count == left + 1)
            #expect(seen.last?["type"] == "m.room.member")
        }
    }

    @Test func `tokens are read back, and others are refused`() {
        let token = StreamToken(events: 12, receipts: 3)
        #expect(StreamToken(token.string) == token)
        #expect(StreamToken("s5") == StreamToken(events: 5))
        for bad in ["", "s", "5", "s-1", "s1_x", "t5", "s1_2_3_4_5_6_7_8", "s99999999999999999999"] {
            #expect(StreamToken(bad) == nil)
        }
    }
}
