import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct CommitTests {
    @Test(arguments: Engine.available, RoomVersion.supported)
    func `events in a row build up the state`(engine: Engine, version: RoomVersion) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage, version: version)
            let first = try await room.send(.topic, key: "", ["topic": "one"])
            let before = room.position
            let topic = try await room.draft(.topic, key: "", ["topic": "two"])
            let commit = try await room.commit(topic)
            let stored = try #require(commit.events.first)
            #expect(stored.record.stateBefore == before.state)
            #expect(stored.record.roomState == commit.position.state)
            #expect(stored.record.replaces == (try await room.stored(first))?.number)
            #expect(commit.changes.map(\.key) == [StateKey(.topic)])
            #expect(commit.changes.map(\.event) == [stored.number])
            #expect(commit.position.extremities.map(\.id) == [topic.eventID])
            #expect(commit.position.extremities.map(\.state) == [commit.position.state])
            #expect(commit.position.lastStream == stored.number)
            let state = try await room.currentState()
            #expect(state[StateKey(.topic)] == topic.eventID)
            #expect(state.count == 5)
            #expect(try await room.state(commit.position.state) == state)
            // A message changes nothing, and is on the same state before and after.
            let message = try await room.draft(.message, ["body": "hi"])
            let said = try await room.commit(message)
            #expect(said.changes.isEmpty)
            #expect(said.events.map(\.record.stateBefore) == [commit.position.state])
            #expect(said.position.state == commit.position.state)
        }
    }

    @Test(arguments: Engine.available)
    func `several events are committed at once`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let join = try await room.draft(.member, key: bob.string, ["membership": "join"], by: bob)
            let name = try await room.draft(.name, key: "", ["name": "N"], on: [join], state: [:])
            let message = try await room.draft(.message, ["body": "hi"], on: [name], state: [:])
            let commit = try await room.commit(join, name, message)
            #expect(commit.events.map(\.eventID) == [join, name, message].map(\.eventID))
            #expect(commit.events.compactMap(\.stream) == commit.events.map(\.number))
            #expect(commit.events[1].number > commit.events[0].number)
            #expect(commit.changes.map(\.key) == [.member(bob), StateKey(.name)])
            #expect(commit.changes.map(\.membership) == [.join, nil])
            #expect(commit.position.extremities.map(\.id) == [message.eventID])
            let handle = room.handle
            let last = try await storage.restarted().read { try $0.position(of: handle).lastStream }
            #expect(last == commit.events[2].number)
        }
    }

    @Test(arguments: Engine.available)
    func `a fork without a difference has one state, and the next event joins it`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let tip = try await room.say("tip")
            let state = room.position.state
            let one = try await room.draft(.message, ["body": "1"], on: [tip])
            let two = try await room.draft(.message, ["body": "2"], on: [tip])
            try await room.commit(one)
            #expect(room.position.extremities.map(\.id) == [one.eventID])
            try await room.commit(two)
            #expect(Set(room.position.extremities.map(\.id)) == [one.eventID, two.eventID])
            #expect(room.position.state == state)
            let merge = try await room.say("merge")
            #expect(Set(merge.prevEvents) == [one.eventID, two.eventID])
            #expect(room.position.extremities.map(\.id) == [merge.eventID])
            #expect(room.position.state == state)
            let edges = try await storage.number("SELECT COUNT(*) FROM event_edges")
            #expect(edges == 3 + 1 + 1 + 1 + 2)
        }
    }

    @Test(arguments: Engine.available, RoomVersion.supported)
    func `of two topics on a fork the later one holds`(engine: Engine, version: RoomVersion) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage, version: version)
            let tip = try await room.say("tip")
            let late = try await room.draft(.topic, key: "", ["topic": "late"], on: [tip], time: 9_000)
            let early = try await room.draft(.topic, key: "", ["topic": "early"], on: [tip], time: 8_000)
            try await room.commit(late)
            let commit = try await room.commit(early)
            let stored = try #require(commit.events.first)
            // Version 1 goes by depth and hash, not by time.
            if version.stateResolution != .v1 {
                #expect(commit.changes.isEmpty)
                #expect(try await room.currentState()[StateKey(.topic)] == late.eventID)
            }
            #expect(stored.record.roomState == commit.position.state)
            #expect(commit.position.extremities.count == 2)
            let resolved = room.position.state
            // While the branches stand, messages on one of them leave the state alone.
            let said = try await room.draft(.message, ["body": "aside"], on: [late])
            try await room.commit(said)
            #expect(room.position.state == resolved)
            #expect(try await room.stored(said)?.record.stateBefore != nil)
            let merge = try await room.send(.name, key: "", ["name": "merged"])
            #expect(try await room.stored(merge)?.record.stateBefore == resolved)
            #expect(room.position.extremities.count == 1)
        }
    }

    @Test(arguments: Engine.available, RoomVersion.supported.filter { $0.stateResolution != .v1 })
    func `a ban beats what the banned user did beside it, and the members follow`(
        engine: Engine, version: RoomVersion
    ) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage, version: version)
            try await room.join(bob)
            var levels: JSONObject = ["users": [alice.string: 100, bob.string: 50]]
            if version.eventFormat.roomIDIsCreateHash { levels["users"] = [bob.string: 50] }
            let base = try await room.send(.powerLevels, key: "", levels)
            let handle = room.handle
            let ban = try await room.draft(.member, key: bob.string, ["membership": "ban"], on: [base], time: 9_000)
            levels["ban"] = 40
            let change = try await room.draft(.powerLevels, key: "", levels, by: bob, on: [base], time: 8_000)
            let rejoin = try await room.draft(
                .member, key: bob.string, ["membership": "join", "displayname": "B"], by: bob, on: [change], state: [:],
                time: 8_001)
            try await room.commit(change, rejoin)
            #expect(try await room.currentState()[.powerLevels] == change.eventID)
            #expect(try await storage.read { try $0.memberCounts(of: handle.number).joined } == 2)
            let commit = try await room.commit(ban)
            let state = try await room.currentState()
            #expect(state[.powerLevels] == base.eventID)
            #expect(state[.member(bob)] == ban.eventID)
            #expect(try await room.state(commit.position.state) == state)
            #expect(Set(commit.changes.map(\.key)) == [.powerLevels, .member(bob)])
            #expect(try await storage.read { try $0.memberCounts(of: handle.number).joined } == 1)
            let member = try await storage.read { stores in
                try stores.userNumber(bob).flatMap { try stores.membership(of: $0, in: handle.number) }
            }
            #expect(member?.membership == .ban)
        }
    }

    @Test(arguments: Engine.available)
    func `a soft-failed event is kept, and changes nothing that clients see`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let tip = try await room.say("tip")
            let before = room.position
            let topic = try await room.draft(.topic, key: "", ["topic": "refused"], on: [tip])
            let commit = try await room.commit([EventToCommit(topic, isSoftFailed: true)])
            let stored = try #require(commit.events.first)
            #expect(stored.stream == nil)
            #expect(stored.record.flags == .softFailed)
            #expect(commit.changes.isEmpty)
            #expect(commit.position.state == before.state)
            #expect(commit.position.lastStream == before.lastStream)
            #expect(commit.position.extremities == before.extremities)
            let handle = room.handle
            try await storage.restarted().read { stores in
                #expect(try stores.position(of: handle).extremities == before.extremities)
                let timeline = try stores.timeline(of: handle, after: 0, upTo: .max, limit: 100, .backwards)
                #expect(timeline.first?.number == before.lastStream)
                #expect(try stores.roomState(of: handle, at: .max) == before.state)
                #expect(try stores.event(topic.eventID)?.record.flags == .softFailed)
                let latest = try stores.event(of: handle, closestTo: Timestamp(milliseconds: .max), .backwards)
                #expect(latest == before.lastStream)
            }
            #expect(try await room.currentState()[StateKey(.topic)] == nil)
            // Others may build on it; then what it said takes part.
            let reply = try await room.draft(.message, ["body": "so?"], on: [topic])
            try await room.commit(reply)
            #expect(room.position.extremities.count == 2)
            #expect(try await room.currentState()[StateKey(.topic)] == topic.eventID)
        }
    }

    @Test(arguments: Engine.available)
    func `events whose predecessors are not known stand on none`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let tip = try await room.say("tip")
            let missing = try await room.draft(.message, ["body": "never committed"])
            let both = try await room.draft(.message, ["body": "after both"], on: [tip, missing], state: [:])
            let state = room.position.state
            try await room.commit(both)
            #expect(room.position.extremities.map(\.id) == [both.eventID])
            #expect(room.position.state == state)
        }
    }

    @Test(arguments: Engine.available)
    func `a commit that is rolled back leaves no trace`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let before = room.position
            let caches = storage.caches
            func sizes() -> [Int] {
                [
                    caches.events.count, caches.parsed.count, caches.nodes.count, caches.keys.count,
                    caches.keyNumbers.count,
                ]
            }
            let join = try await room.draft(.member, key: bob.string, ["membership": "join"], by: bob)
            let held = sizes()
            await #expect(throws: ChangeOfMind.self) {
                try await storage.write { stores in
                    _ = try stores.commit([EventToCommit(join)], onto: before)
                    throw ChangeOfMind()
                }
            }
            #expect(sizes() == held)
            let handle = room.handle
            try await storage.read { stores throws in
                #expect(try stores.event(join.eventID) == nil)
                #expect(try stores.position(of: handle).state == before.state)
                #expect(try stores.memberCounts(of: handle.number).joined == 1)
            }
            // The same event can be committed after all; its number was passed over.
            let commit = try await room.commit(join)
            #expect(commit.events.first.map(\.number) == before.lastStream + 2)
        }
    }
}
