import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

/// What is read of rooms for modules.
@Suite struct ModuleReadingTests {
    @Test(arguments: Engine.available)
    func `the current state of one type is found in small rooms and large ones`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let other = try await TestRoom.make(in: storage, id: "!other:example.org")
            try await room.join(bob)
            let child = EventType("org.example.child")
            var expected: Set<EventID> = []
            for key in ["a", "b", "c"] { expected.insert(try await room.send(child, key: key, [:]).eventID) }
            try await other.send(child, key: "a", [:])
            func found(_ type: EventType) async throws -> Set<EventID> {
                let handle = room.handle
                return try await storage.read { stores in
                    Set(try stores.events(stores.currentState(of: handle, type: type)).map(\.eventID))
                }
            }
            #expect(try await found(child) == expected)
            #expect(try await found(.member).count == 2)
            #expect(try await found(.topic).isEmpty)
            // So many that the index of types is asked.
            try await fill(room, 1_000)
            #expect(try await found(child) == expected)
            #expect(try await found("org.example.filler").count == 1_000)
        }
    }

    private func fill(_ room: TestRoom, _ count: Int) async throws {
        var events: [Event] = []
        for number in 0..<count {
            let previous = events.last.map { [$0] }
            events.append(
                try await room.draft("org.example.filler", key: "\(number)", [:], on: previous, state: [:]))
        }
        try await room.commit(events.map { EventToCommit($0) })
    }

    @Test(arguments: Engine.available)
    func `the joined users of a room are named`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            try await room.join(bob)
            try await room.send(.member, key: charlie.string, ["membership": "invite"])
            let handle = room.handle
            let users = try await storage.read { try $0.joinedUsers(of: handle.number) }
            #expect(Set(users) == [alice, bob])
        }
    }

    @Test(arguments: Engine.available)
    func `a redacted event is parsed without its content, from memory and from disk`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let message = try await room.say("secret")
            let plain = try await room.say("open")
            let numbers = try await storage.read { try $0.numbers(of: [message.eventID, plain.eventID]) }.sorted()
            #expect(try await storage.read { try $0.parsedEvent(numbers[0]) }?.content.string("body") == "secret")
            let redaction = try await room.draft(.redaction, [:], redacts: message.eventID)
            try await room.commit([EventToCommit(redaction, redacts: numbers[0])])
            for _ in 0..<2 {
                let events = try await storage.read { try $0.parsedEvents(numbers + [9_999]) }
                #expect(events[numbers[0]]?.content == [:])
                #expect(events[numbers[0]]?.eventID == message.eventID)
                #expect(events[numbers[1]]?.content.string("body") == "open")
                #expect(events.count == 2)
                storage.caches.parsed.removeAll()
            }
        }
    }

    @Test(arguments: Engine.available)
    func `how far modules were told of events is remembered until none wants to know`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            #expect(try await storage.read { try $0.moduleFeedPosition() } == nil)
            try await storage.write { try $0.setModuleFeedPosition(7) }
            try await storage.write { try $0.setModuleFeedPosition(9) }
            #expect(try await storage.read { try $0.moduleFeedPosition() } == 9)
            try await storage.write { try $0.setModuleFeedPosition(nil) }
            #expect(try await storage.read { try $0.moduleFeedPosition() } == nil)
        }
    }
}
