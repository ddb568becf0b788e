import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct EventTableTests {
    @Test(arguments: Engine.available, [RoomVersion.v1, .v11, .v12])
    func `an event is read back as it was written`(engine: Engine, version: RoomVersion) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage, version: version)
            let topic = try await room.send(.topic, key: "", ["topic": "Tée 😀 \"quoted\""])
            let message = try await room.draft(.message, ["body": "hello"])
            let sent = EventTransaction(account: 3, device: DeviceID("DEVICE"), id: "txn\"1")
            let commit = try await room.commit([EventToCommit(message, transaction: sent)])
            let written = try #require(commit.events.first)
            for storage in [storage, try await storage.restarted()] {
                try await storage.read { stores throws in
                    let read = try #require(try stores.event(written.number))
                    #expect(read.eventID == message.eventID)
                    #expect(read.room == written.room)
                    #expect(read.room.id == message.roomID)
                    #expect(read.room.version == version)
                    #expect(read.clientFields == written.clientFields)
                    #expect(read.contentRange == written.contentRange)
                    #expect(read.stream == written.number)
                    #expect(read.depth == message.depth)
                    #expect(read.originServerTS == message.originServerTS)
                    #expect(read.record.transaction == sent)
                    #expect(read.record.stateKey == nil)
                    #expect(read.record.replaces == nil)
                    #expect(read.record.flags == [])
                    #expect(read.record.stateBefore == written.record.stateBefore)
                    #expect(read.record.roomState == written.record.roomState)
                    let parsed = try #require(try stores.parsedEvent(written.number))
                    #expect(parsed.object == message.object)
                    #expect(parsed.eventID == message.eventID)
                    #expect(parsed.roomID == message.roomID)
                    #expect(parsed.prevEvents == [topic.eventID])
                    #expect(parsed.authEvents == message.authEvents)

                    let state = try #require(try stores.event(topic.eventID))
                    #expect(state.state == StateKey(.topic))
                    #expect(state.content() == topic.content)
                    #expect(state.record.stateKey == (try stores.number(of: StateKey(.topic))))
                    #expect(state.record.transaction == nil)
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `events come in the order asked for, and those that are not there are left out`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            try await room.say("one")
            let last = room.position.lastStream
            let numbers = [last, 900, 1, last - 1, 1]
            let expected = [last, 1, last - 1, 1]
            #expect(try await storage.read { try $0.events(numbers).map(\.number) } == expected)
            let fresh = try await storage.restarted()
            #expect(try await fresh.read { try $0.events(numbers).map(\.number) } == expected)
            // Some from memory, some not.
            fresh.caches.events.remove(1)
            #expect(try await fresh.read { try $0.events(numbers).map(\.number) } == expected)
            try await fresh.read { stores throws in
                #expect(try stores.events([]).isEmpty)
                #expect(try stores.records([]).isEmpty)
                #expect(Set(try stores.records(numbers).map(\.number)) == Set(expected))
                #expect(try stores.event(EventID(trusted: "$unknown")) == nil)
                #expect(try stores.parsedEvent(900) == nil)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a timeline is read in both directions, between two positions`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let other = try await TestRoom.make(in: storage, id: "!other:example.org")
            var expected: [EventNumber] = []
            for text in 0..<6 {
                try await room.say("\(text)")
                expected.append(room.position.lastStream)
                try await other.say("\(text)")
            }
            let handle = room.handle
            let all = expected
            try await storage.read { stores throws in
                func read(
                    _ after: Int64, _ upTo: Int64, _ limit: Int, _ direction: RoomStores.Direction
                ) throws -> [Int64] {
                    let entries = try stores.timeline(of: handle, after: after, upTo: upTo, limit: limit, direction)
                    #expect(entries.allSatisfy { $0.number == $0.stream })
                    return entries.map(\.number)
                }
                #expect(try read(all[0] - 1, .max, 100, .forwards) == all)
                #expect(try read(all[0] - 1, .max, 100, .backwards) == all.reversed())
                #expect(try read(all[0], all[3], 100, .forwards) == Array(all[1...3]))
                #expect(try read(all[0], all[3], 2, .forwards) == Array(all[1...2]))
                #expect(try read(all[0], all[3], 2, .backwards) == [all[3], all[2]])
                #expect(try read(all[5], .max, 100, .forwards) == [])
            }
        }
    }

    @Test(arguments: Engine.available)
    func `the room's state at a position is that after the last event before it`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let before = room.position
            try await TestRoom.make(in: storage, id: "!other:example.org")
            try await room.send(.topic, key: "", ["topic": "one"])
            let after = room.position
            let handle = room.handle
            try await storage.read { stores throws in
                #expect(try stores.roomState(of: handle, at: 0) == nil)
                #expect(try stores.roomState(of: handle, at: before.lastStream) == before.state)
                #expect(try stores.roomState(of: handle, at: after.lastStream - 1) == before.state)
                #expect(try stores.roomState(of: handle, at: after.lastStream) == after.state)
                #expect(try stores.roomState(of: handle, at: .max) == after.state)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `the event closest to a time is found, whatever order the clocks gave`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            var numbers: [Int64: EventNumber] = [:]
            for time in [50_000, 30_000, 40_000] as [Int64] {
                try await room.say("at \(time)", time: time)
                numbers[time] = room.position.lastStream
            }
            try await room.say("again", time: 40_000)
            let latest = room.position.lastStream
            let handle = room.handle
            let at = numbers
            try await storage.read { stores throws in
                func closest(_ time: Int64, _ direction: RoomStores.Direction) throws -> EventNumber? {
                    try stores.event(of: handle, closestTo: Timestamp(milliseconds: time), direction)
                }
                #expect(try closest(30_001, .forwards) == at[40_000])
                #expect(try closest(40_000, .forwards) == at[40_000])
                #expect(try closest(40_000, .backwards) == latest)
                #expect(try closest(49_999, .backwards) == latest)
                #expect(try closest(50_001, .backwards) == at[50_000])
                #expect(try closest(50_001, .forwards) == nil)
                #expect(try closest(0, .backwards) == nil)
                #expect(try closest(0, .forwards) == 1)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `relations are found by target, type and place`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let target = try await room.say("target")
            func relate(_ type: EventType, _ relation: JSON) async throws -> EventNumber {
                try await room.send(type, ["m.relates_to": relation])
                return room.position.lastStream
            }
            let id = JSON.string(target.eventID.string)
            let reaction = try await relate("m.reaction", ["rel_type": "m.annotation", "event_id": id, "key": "+"])
            let edit = try await relate(.message, ["rel_type": "m.replace", "event_id": id])
            let reply = try await relate(.message, ["rel_type": "m.thread", "event_id": id])
            let redacted = try await relate(.message, ["rel_type": "m.thread", "event_id": id])
            // No relations: no type, no event ID, a type that is too long, another target.
            _ = try await relate(.message, ["event_id": id])
            _ = try await relate(.message, ["rel_type": "m.thread", "event_id": "no event ID"])
            _ = try await relate(.message, ["rel_type": .string(String(repeating: "x", count: 256)), "event_id": id])
            _ = try await relate(.message, ["rel_type": "m.thread", "event_id": "$other"])
            try await storage.write { try $0.markRedacted(redacted, by: redacted + 1) }
            let handle = room.handle
            try await storage.read { stores throws in
                func read(
                    _ relation: String? = nil, _ type: EventType? = nil, after: Int64 = 0, upTo: Int64 = .max,
                    limit: Int = 10, _ direction: RoomStores.Direction = .forwards
                ) throws -> [EventNumber] {
                    try stores.relations(
                        to: target.eventID, in: handle, relationType: relation, eventType: type, after: after,
                        upTo: upTo, limit: limit, direction
                    ).map(\.number)
                }
                #expect(try read() == [reaction, edit, reply])
                #expect(try read(nil, nil, .backwards) == [reply, edit, reaction])
                #expect(try read("m.annotation") == [reaction])
                #expect(try read("m.annotation", .message) == [])
                #expect(try read(nil, .message) == [edit, reply])
                #expect(try read(after: reaction, upTo: edit) == [edit])
                #expect(try read(nil, nil, limit: 1, .backwards) == [reply])
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a device's transaction is one event per room`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let other = try await TestRoom.make(in: storage, id: "!other:example.org")
            let sent = EventTransaction(account: 1, device: DeviceID("A"), id: "m1")
            let first = try await room.draft(.message, ["body": "1"])
            try await room.commit([EventToCommit(first, transaction: sent)])
            let again = try await room.draft(.message, ["body": "2"])
            await #expect(throws: SQLError.self) { try await room.commit([EventToCommit(again, transaction: sent)]) }

            let elsewhere = try await other.draft(.message, ["body": "3"])
            try await other.commit([EventToCommit(elsewhere, transaction: sent)])
            for (account, device, id) in [(2, "A", "m1"), (1, "B", "m1"), (1, "", "m1"), (1, "A", "m2")] {
                let transaction = EventTransaction(account: Int64(account), device: DeviceID(device), id: id)
                let event = try await room.draft(.message, ["body": .string("\(transaction)")])
                try await room.commit([EventToCommit(event, transaction: transaction)])
                let found = try await storage.read { [handle = room.handle] in
                    try $0.event(in: handle, sentBy: transaction)
                }
                #expect(found == event.eventID)
            }
            let (here, there) = (room.handle, other.handle)
            #expect(try await storage.read { try $0.event(in: here, sentBy: sent) } == first.eventID)
            #expect(try await storage.read { try $0.event(in: there, sentBy: sent) } == elsewhere.eventID)
            let unknown = EventTransaction(account: 9, device: DeviceID("A"), id: "m1")
            #expect(try await storage.read { try $0.event(in: here, sentBy: unknown) } == nil)
        }
    }
}

@Suite struct RedactionStorageTests {
    @Test(arguments: Engine.available, [RoomVersion.v10, .v11])
    func `a redacted event is served without its content, from memory and from disk`(
        engine: Engine, version: RoomVersion
    ) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage, version: version)
            let message = try await room.say("secret")
            let number = room.position.lastStream
            #expect(try await room.stored(message)?.content().string("body") == "secret")
            let redaction = try await room.draft(.redaction, ["reason": "regret"], redacts: message.eventID)
            try await room.commit([EventToCommit(redaction, redacts: number)])
            let by = room.position.lastStream
            for storage in [storage, try await storage.restarted()] {
                let event = try #require(try await storage.read { try $0.event(number) })
                #expect(event.content() == [:])
                #expect(event.record.redactedBy == by)
                let served = try #require(try await storage.read { try $0.event(by) })
                #expect(served.content().string("redacts") == message.eventID.string)
            }
            // The first redaction stands.
            let second = try await room.draft(.redaction, ["reason": "again"], redacts: message.eventID)
            try await room.commit([EventToCommit(second, redacts: number)])
            #expect(try await room.stored(message)?.record.redactedBy == by)
        }
    }

    @Test(arguments: Engine.available)
    func `a reader that began before a redaction does not bring the content back`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let message = try await room.say("secret")
            let number = room.position.lastStream
            let stale = try #require(try await room.stored(message))
            try await storage.write { try $0.markRedacted(number, by: number) }
            storage.caches.insert(stale)
            #expect(storage.caches.events[number] == nil)
            let redacted = try #require(try await room.stored(message))
            #expect(redacted.content() == [:])
            #expect(storage.caches.events[number] === redacted)
        }
    }

    @Test(arguments: Engine.available)
    func `a redaction that is rolled back has no effect`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let message = try await room.say("secret")
            let number = room.position.lastStream
            await #expect(throws: ChangeOfMind.self) {
                try await storage.write { stores in
                    try stores.markRedacted(number, by: number)
                    throw ChangeOfMind()
                }
            }
            #expect(storage.caches.events[number] != nil)
            #expect(try await room.stored(message)?.content().string("body") == "secret")
        }
    }
}
