import MatrixCore
import ModuleAPI
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

/// What modules add to the `unsigned` of events, E15.
@Suite struct ModuleFieldsTests {
    private func withFields(
        _ engine: Engine = .sqlite, _ answer: @escaping ExtraUnsignedFields.AddFields,
        _ body: (RoomServer) async throws -> Void
    ) async throws {
        try await withRoomServer(
            engine, register: { $0.register(ExtraUnsignedFields(addFieldToUnsigned: answer), of: "test") }, body)
    }

    private func ids(_ events: JSON?) -> [String] {
        events?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
    }

    /// Whether each event bears its own ID.
    private func isMarked(_ events: JSON?) -> Bool {
        let events = events?.arrayValue ?? []
        return !events.isEmpty && events.allSatisfy { $0.at("unsigned", "test_key") == $0["event_id"] }
    }

    @Test(arguments: Engine.available)
    func `every event a client is told bears them`(engine: Engine) async throws {
        let asked = Notes()
        let answer: ExtraUnsignedFields.AddFields = { event in
            asked.add(event.eventID.string)
            return ["test_key": .string(event.eventID.string), "text": "a\u{0}\"b"]
        }
        try await withFields(engine, answer) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            let first = try await server.say("one", in: room, by: alice)
            let initial = try await server.syncOnce(bob)
            let section = initial.at("rooms", "join", room.string)
            #expect(isMarked(section?.at("timeline", "events")))
            let told = ids(section?.at("timeline", "events")) + ids(section?.at("state", "events"))
            // Once each.
            #expect(asked.all.sorted() == told.sorted())
            #expect(section?.at("timeline", "events")?.arrayValue?.last?.at("unsigned", "text") == "a\u{0}\"b")

            // The fast way of sync.
            try await server.say("two", in: room, by: alice)
            let next = try await server.syncOnce(bob, since: initial["next_batch"]?.stringValue)
            #expect(isMarked(next.at("rooms", "join", room.string, "timeline", "events")))

            let reader = server.reader
            #expect(isMarked(.array([try JSON.parse(try await reader.event(first, in: room, by: bob))])))
            #expect(isMarked(try JSON.parse(try await reader.state(of: room, by: bob))))
            let members = try await reader.members(of: room, at: nil, [.join], by: bob)
            #expect(isMarked(try JSON.parse(members)["chunk"]))
            let messages = try await reader.messages(of: room, TimelineRequest(.backwards), by: bob)
            #expect(isMarked(try JSON.parse(messages)["chunk"]))
            let context = try await reader.context(of: first, in: room, limit: 4, filter: .everything, by: bob)
            for part in ["events_before", "events_after", "state"] {
                #expect(isMarked(try JSON.parse(context)[part]), "\(part)")
            }
            let create = try await reader.state(.create, of: room, as: .event, by: bob)
            #expect(isMarked(.array([try JSON.parse(create)])))
            let content = try await reader.state(.create, of: room, as: .content, by: bob)
            #expect(try JSON.parse(content)["unsigned"] == nil)
        }
    }

    @Test func `the server's own fields win, and of two modules the later one`() async throws {
        let first = ExtraUnsignedFields { _ in ["key": "first", "other": 1, "transaction_id": "t", "age": -1] }
        let second = ExtraUnsignedFields { _ in ["key": "second", "prev_content": [:]] }
        try await withRoomServer(
            .sqlite,
            register: {
                $0.register(first, of: "first")
                $0.register(second, of: "second")
            }
        ) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let since = try await server.syncOnce(alice)["next_batch"]?.stringValue
            try await server.say("one", in: room, by: alice, transaction: "mine")
            try await server.say("two", in: room, by: alice)
            let events = try await server.syncOnce(alice, since: since)
                .at("rooms", "join", room.string, "timeline", "events")?.arrayValue
            let unsigned = events?.first?["unsigned"]
            #expect(unsigned?["key"] == "second")
            #expect(unsigned?["other"] == 1)
            #expect(unsigned?["transaction_id"] == "mine")
            #expect(unsigned?["age"] != -1)
            #expect(unsigned?["prev_content"] == [:])
            // Where the server has nothing to say, a module's word stands.
            #expect(events?.last?.at("unsigned", "transaction_id") == "t")
        }
    }

    @Test func `clients that want parts of events, or servers' form, get them too`() async throws {
        try await withFields(.sqlite, { _ in ["one": 1, "two": 2] }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            try await server.say("x", in: room, by: alice)
            func unsigned(_ filter: JSONObject) async throws -> JSON? {
                try await server.syncOnce(alice, filter: filter)
                    .at("rooms", "join", room.string, "timeline", "events")?.arrayValue?.last?["unsigned"]
            }
            #expect(try await unsigned(["event_fields": ["type"]]) == nil)
            #expect(try await unsigned(["event_fields": ["type", "unsigned.two"]]) == ["two": 2])
            let whole = try await unsigned(["event_fields": ["unsigned"]])
            #expect(whole?["one"] == 1 && whole?["age"] != nil)
            #expect(try await unsigned(["event_format": "federation"]) == ["one": 1, "two": 2])
        }
    }

    @Test func `a module that fails fails the request`() async throws {
        try await withFields(.sqlite, { _ in throw Broken() }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            #expect(await refusal { try await server.syncOnce(alice) }?.status == 500)
            #expect(await refusal { try await server.reader.state(of: room, by: alice) }?.status == 500)
        }
    }
}
