import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

@Suite struct SendingFaultTests {
    @Test(arguments: Engine.available)
    func `an event whose client gave up while it waited is not sent later`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let handle = try #require(try await server.sender.states.room(room))
            try await server.writers.withCommitLease(on: handle) { _ in
                let send = Task { try await server.say("given up", in: room, by: alice) }
                send.cancel()
                await #expect(throws: CancellationError.self) { try await send.value }
            }
            try await server.say("next", in: room, by: alice)
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            #expect(events?.bodies == ["next"])
        }
    }

    @Test(arguments: Engine.available)
    func `what one client sends wrong is not the others' fault`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let target = try await server.say("hello", in: room, by: alice)
            let odd: JSONObject = [
                "msgtype": "m.text", "body": "odd",
                "m.relates_to": ["rel_type": "a\u{0}b", "event_id": .string(target.string)],
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { try await server.say("\(number)", in: room, by: alice) }
                    group.addTask { _ = try await server.rooms.send(type: .message, content: odd, to: room, by: bob) }
                }
                try await group.waitForAll()
            }
            let error = await refusal { try await server.say("x", in: room, by: bob, transaction: "a\u{0}b") }
            #expect(error?.status == 400)
            let events = try await server.syncOnce(alice, filter: ["room": ["timeline": ["limit": 50]]])
                .at("rooms", "join", room.string, "timeline", "events")
            #expect(events?.bodies.count == 21)
        }
    }

    @Test(arguments: Engine.available)
    func `a chain of redactions is not written anew in each of them`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            var last = try await server.say("hello", in: room, by: alice)
            for _ in 0..<5 { last = try await server.rooms.redact(last, content: [:], in: room, by: alice) }
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            let redacted = events?.arrayValue?.compactMap { $0.at("unsigned", "redacted_because") } ?? []
            #expect(redacted.count == 5)
            #expect(redacted.allSatisfy { $0.at("unsigned", "redacted_because") == nil })
        }
    }
}
