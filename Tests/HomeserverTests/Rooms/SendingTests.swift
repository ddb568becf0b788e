import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Homeserver

@Suite struct SendingTests {
    @Test(arguments: Engine.available)
    func `what is sent is synced, in order`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            for number in 1...3 { try await server.say("message \(number)", in: room, by: alice) }
            let answer = try await server.syncOnce(alice)
            let timeline = answer.at("rooms", "join", room.string, "timeline", "events")
            #expect(timeline?.bodies == ["message 1", "message 2", "message 3"])
            #expect(timeline?.arrayValue?.last?.at("unsigned", "membership") == "join")
        }
    }

    @Test(arguments: Engine.available)
    func `a request sent twice is one event, and only its device learns the transaction`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let first = try await server.say("once", in: room, by: alice, transaction: "t1")
            let second = try await server.say("once", in: room, by: alice, transaction: "t1")
            #expect(first == second)
            let other = try await server.say("once", in: room, by: server.user("alice", device: "B"), transaction: "t1")
            #expect(other != first)
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            let mine = events?.arrayValue?.filter { $0["type"] == "m.room.message" } ?? []
            #expect(mine.count == 2)
            #expect(mine.first?.at("unsigned", "transaction_id") == "t1")
            #expect(mine.last?.at("unsigned", "transaction_id") == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `many senders at once make one line of events`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        _ = try await server.say("\(number)", in: room, by: alice, transaction: "\(number)")
                    }
                }
                try await group.waitForAll()
            }
            let handle = try #require(try await server.sender.states.room(room))
            let caches = server.sender.states.caches
            let (extremities, forks) = try await server.database.read { transaction in
                (
                    try RoomStores(transaction, caches: caches, .reading).position(of: handle).extremities.count,
                    try transaction.first(
                        "SELECT COUNT(*) FROM (SELECT prev FROM event_edges GROUP BY prev HAVING COUNT(*) > 1) AS f"
                    ) { $0.int(0) }
                )
            }
            #expect(extremities == 1)
            #expect(forks == 0)
        }
    }

    @Test(arguments: Engine.available)
    func `somebody who is not in the room may not send`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let room = try await server.createRoom(by: server.user("alice"))
            let error = await refusal { try await server.say("hi", in: room, by: server.user("bob")) }
            #expect(error?.status == 403)
            #expect(error?.code == .forbidden)
        }
    }

    @Test(arguments: Engine.available)
    func `state that says nothing new is not sent again`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let topic = StateKey(.topic)
            let first = try await server.rooms.setState(topic, content: ["topic": "one"], in: room, by: alice)
            let same = try await server.rooms.setState(topic, content: ["topic": "one"], in: room, by: alice)
            let other = try await server.rooms.setState(topic, content: ["topic": "two"], in: room, by: alice)
            #expect(first == same)
            #expect(first != other)
        }
    }

    @Test(arguments: Engine.available)
    func `a redacted event loses its content everywhere`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let event = try await server.say("secret", in: room, by: alice)
            let refused = await refusal {
                try await server.rooms.redact(event, content: [:], in: room, by: bob)
            }
            #expect(refused?.code == .forbidden)
            let redaction = try await server.rooms.redact(event, content: ["reason": "oops"], in: room, by: alice)
            let events = try await server.syncOnce(bob).at("rooms", "join", room.string, "timeline", "events")
            let shown = try #require(events?.arrayValue?.first { $0["event_id"]?.stringValue == event.string })
            #expect(shown["content"] == [:])
            #expect(shown.at("unsigned", "redacted_because", "event_id")?.stringValue == redaction.string)
            let last = try #require(events?.arrayValue?.last)
            #expect(last["redacts"]?.stringValue == event.string)
            #expect(last.at("content", "redacts")?.stringValue == event.string)
        }
    }

    @Test(arguments: Engine.available)
    func `an event that a module saw forks the graph, and the next one joins it`(engine: Engine) async throws {
        try await withRoomServer(
            engine, register: { $0.register(SpamChecker(checkEventForSpam: { _ in .allow }), of: "test") }
        ) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 { group.addTask { _ = try await server.say("\(number)", in: room, by: alice) } }
                try await group.waitForAll()
            }
            let last = try await server.say("last", in: room, by: alice)
            let events = try await server.syncOnce(alice, filter: ["room": ["timeline": ["limit": 50]]])
                .at("rooms", "join", room.string, "timeline", "events")
            #expect(Set(events?.bodies ?? []) == Set((0..<20).map(String.init) + ["last"]))
            #expect(events?.arrayValue?.last?["event_id"]?.stringValue == last.string)
        }
    }

    @Test(arguments: Engine.available)
    func `a module may send into the room from inside its callback`(engine: Engine) async throws {
        let sendBack = SendBack()
        try await withRoomServer(
            engine, register: { $0.register(SpamChecker(checkEventForSpam: sendBack.check), of: "test") }
        ) { server in
            let alice = server.user("alice")
            sendBack.set { room in try await server.say("echo", in: room, by: alice) }
            let room = try await server.createRoom(by: alice)
            try await server.say("shout", in: room, by: alice)
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            #expect(events?.bodies == ["echo", "shout"])
        }
    }

    @Test(arguments: Engine.available)
    func `a module's denial reaches the sender and nobody else`(engine: Engine) async throws {
        try await withRoomServer(
            engine,
            register: {
                $0.register(
                    SpamChecker(checkEventForSpam: {
                        $0.content.string("body") == "spam" ? .deny(code: "ORG.EXAMPLE.SPAM") : .allow
                    }),
                    of: "test")
            }
        ) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let error = await refusal { try await server.say("spam", in: room, by: alice) }
            #expect(error?.code == "ORG.EXAMPLE.SPAM")
            try await server.say("ham", in: room, by: alice)
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            #expect(events?.bodies == ["ham"])
        }
    }
}

/// A callback that sends an event of its own, once.
private final class SendBack: Sendable {
    private let action = Mutex<(@Sendable (RoomID) async throws -> EventID)?>(nil)

    func set(_ action: @escaping @Sendable (RoomID) async throws -> EventID) { self.action.withLock { $0 = action } }

    @Sendable func check(_ event: Event) async throws -> SpamAnswer {
        guard event.content.string("body") == "shout", let action = action.withLock({ $0 }) else { return .allow }
        _ = try await action(event.roomID)
        return .allow
    }
}
