import MatrixCore
import Testing

@Suite struct StateResolutionV1Tests {
    @Test func `a key that one state lacks is no conflict`() throws {
        let room = TestRoom(.v1)
        let base = room.start()
        let join = room.addMember("join-bob", bob, .join, on: base)
        let topic = room.add("topic", .topic, key: "", by: alice, [:], on: base)
        #expect(try room.resolve(base.with(join), base.with(topic)) == base.with(join, topic))
        // The same by the function that is given the conflict.
        let resolved = try resolveState(
            conflicted: [StateKey(.topic): [topic.eventID]], unconflicted: { base[$0] }, authDifference: [],
            version: .v1, event: { room.events[$0] })
        #expect(resolved == [StateKey(.topic): topic.eventID])
    }

    @Test func `of other events the deepest that is allowed counts`() throws {
        let room = TestRoom(.v1)
        let base = room.start(joined: [bob])
        let shallow = room.add("shallow", .topic, key: "", by: alice, [:], on: base, depth: 10)
        let deep = room.add("deep", .topic, key: "", by: alice, [:], on: base, depth: 11)
        let forbidden = room.add("forbidden", .topic, key: "", by: bob, [:], on: base, depth: 12)
        #expect(try room.resolve(base.with(shallow), base.with(deep), base.with(forbidden)) == base.with(deep))
    }

    @Test func `where none is allowed the least deep counts`() throws {
        let room = TestRoom(.v1)
        let base = room.start(joined: [bob])
        let one = room.add("one", .topic, key: "", by: bob, [:], on: base, depth: 10)
        let two = room.add("two", .topic, key: "", by: bob, [:], on: base, depth: 11)
        #expect(try room.resolve(base.with(two), base.with(one)) == base.with(one))
    }

    @Test func `of equal depths the lowest hash of the event ID counts`() throws {
        let room = TestRoom(.v1)
        let base = room.start()
        // SHA-1 of "$a:a.example" begins with bf, of b with d9, of c with 72, of d with 78.
        let topics = ["a", "b", "c", "d"].map { room.add($0, .topic, key: "", by: alice, [:], on: base, depth: 10) }
        let resolved = try room.resolve(topics.map { base.with($0) })
        #expect(resolved[StateKey(.topic)] == room.id("c"))
    }

    @Test func `power levels go step by step, and stop at one that is not allowed`() throws {
        let room = TestRoom(.v1)
        let base = room.start(joined: [bob, charlie], levels: [bob: 50])
        let first = room.addPowerLevels("first", [alice: 100, bob: 60], on: base, depth: 20)
        let second = room.addPowerLevels("second", [alice: 100, bob: 60, charlie: 60], by: bob, on: base, depth: 21)
        let greedy = room.addPowerLevels("greedy", [alice: 100, bob: 100], by: bob, on: base, depth: 22)
        let last = room.addPowerLevels("last", [alice: 100, bob: 0], on: base, depth: 23)
        let states = [base.with(first), base.with(second), base.with(greedy), base.with(last)]
        #expect(try room.resolve(states) == base.with(second))
    }

    @Test func `power levels decide about join rules, and both about members`() throws {
        let room = TestRoom(.v1)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let open = base.with(room.addMember("charlie", charlie, .leave, on: base, depth: 5))
        let demotion = room.addPowerLevels("levels2", [alice: 100, bob: 0], on: base, depth: 30)
        let closed = room.add("rules2", .joinRules, key: "", by: bob, ["join_rule": "invite"], on: base, depth: 31)
        let join = room.addMember("join-charlie", charlie, .join, on: base, depth: 32)
        // Without power, Bob cannot close the room, so Charlie joins.
        let resolved = try room.resolve(open.with(demotion, join), open.with(closed))
        #expect(resolved == open.with(demotion, join))
    }

    @Test func `one member's fate is not decided by that of another`() throws {
        let room = TestRoom(.v1)
        let base = room.start(joined: [bob, charlie], levels: [bob: 50, charlie: 50])
        let kickBob = room.addMember("kick-bob", bob, .leave, by: alice, on: base, depth: 40)
        let kickCharlie = room.addMember("kick-charlie", charlie, .ban, by: alice, on: base, depth: 41)
        let one = base.with(kickBob)
        let other = base.with(kickCharlie)
        #expect(try room.resolve(one, other) == base.with(kickBob, kickCharlie))
        #expect(try room.resolve(other, one) == base.with(kickBob, kickCharlie))
    }
}
