import MatrixCore
import Testing

private let versions = RoomVersion.supported.filter { $0.stateResolution != .v1 }

/// Scenarios that come out alike in version 2 and in that of room version 12.
@Suite struct StateResolutionV2Tests {
    @Test(arguments: RoomVersion.supported)
    func `states that agree are the result`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let state = room.start()
        #expect(try room.resolve(state) == state)
        #expect(try room.resolve(state, state, state) == state)
        #expect(try room.resolve([]) == [:])
    }

    @Test(arguments: versions)
    func `a ban beats a power level change by the banned user`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let ban = room.addMember("ban", bob, .ban, by: alice, on: base)
        let levels = room.addPowerLevels("levels2", [alice: 100, bob: 50], by: bob, ["ban": 40], on: base, time: 1)
        #expect(try room.resolve(base.with(ban), base.with(levels)) == base.with(ban))
    }

    @Test(arguments: versions)
    func `a demotion beats what the demoted user did beside it`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let topic = room.add("topic", .topic, key: "", by: bob, ["topic": "Bob's"], on: base, time: 1)
        let demotion = room.addPowerLevels("levels2", [alice: 100, bob: 0], on: base, time: 100)
        #expect(try room.resolve(base.with(topic), base.with(demotion)) == base.with(demotion))
    }

    @Test(arguments: versions)
    func `of two power level changes the more powerful sender's comes first`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob, charlie], levels: [bob: 50])
        let admins = room.addPowerLevels("levels-alice", [alice: 100, bob: 0], on: base, time: 100)
        let mods = room.addPowerLevels(
            "levels-bob", [alice: 100, bob: 50], by: bob, ["users_default": -1], on: base, time: 1)
        #expect(try room.resolve(base.with(admins), base.with(mods)) == base.with(admins))
    }

    @Test(arguments: versions)
    func `of two changes that both stand the later one counts`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let early = room.addPowerLevels("early", [alice: 100, bob: 60], on: base, time: 50)
        let late = room.addPowerLevels("late", [alice: 100, bob: 70], on: base, time: 60)
        #expect(try room.resolve(base.with(early), base.with(late)) == base.with(late))
    }

    @Test(arguments: versions)
    func `a ban beats a topic of the banned user, and the older topic stays`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var base = room.start(joined: [bob], levels: [bob: 50])
        base = base.with(room.add("topic", .topic, key: "", by: alice, ["topic": "A"], on: base))
        let ban = room.addMember("ban", bob, .ban, by: alice, on: base)
        let topic = room.add("topic-bob", .topic, key: "", by: bob, ["topic": "B"], on: base)
        #expect(try room.resolve(base.with(ban), base.with(topic)) == base.with(ban))
    }

    @Test(arguments: versions)
    func `a room made private beats a join beside it`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob])
        let closed = room.add("rules2", .joinRules, key: "", by: alice, ["join_rule": "invite"], on: base, time: 90)
        let join = room.addMember("join-charlie", charlie, .join, on: base, time: 10)
        #expect(try room.resolve(base.with(closed), base.with(join)) == base.with(closed))
    }

    @Test(arguments: versions)
    func `joins on two branches both stand`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start()
        let one = room.addMember("join-bob", bob, .join, on: base)
        let other = room.addMember("join-charlie", charlie, .join, on: base)
        #expect(try room.resolve(base.with(one), base.with(other)) == base.with(one, other))
    }

    @Test(arguments: versions)
    func `of forked topics the later one counts, and of equal times the greater event ID`(
        version: RoomVersion
    ) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let first = room.add("topic-x", .topic, key: "", by: alice, [:], on: base, time: 10)
        let second = room.add("topic-a", .topic, key: "", by: bob, [:], on: base, time: 11)
        #expect(try room.resolve(base.with(first), base.with(second)) == base.with(second))
        let third = room.add("topic-b", .topic, key: "", by: bob, [:], on: base, time: 11)
        #expect(try room.resolve([base.with(third), base.with(first), base.with(second)]) == base.with(third))
    }

    @Test(arguments: versions)
    func `a topic on newer power levels beats one on older, whatever the clocks say`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let stale = room.add("topic-stale", .topic, key: "", by: bob, [:], on: base, time: 1_000_000)
        let newer = base.with(room.addPowerLevels("levels2", [alice: 100, bob: 60], on: base, time: 100))
        let fresh = room.add("topic-fresh", .topic, key: "", by: bob, [:], on: newer, time: 101)
        #expect(try room.resolve(base.with(stale), newer.with(fresh)) == newer.with(fresh))
    }

    @Test(arguments: versions)
    func `a long fight over power levels ends with the admin's word`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob, charlie], levels: [bob: 50, charlie: 50])
        // Bob's branch: he raises users, step by step, and closes the room.
        var bobs = base
        for step in 1...20 {
            bobs = bobs.with(
                room.addPowerLevels(
                    "bob\(step)", [alice: 100, bob: 50, charlie: 50, dora: Int64(step)], by: bob, on: bobs,
                    time: Int64(1_000 + step)))
        }
        bobs = bobs.with(
            room.add("bob-rules", .joinRules, key: "", by: bob, ["join_rule": "invite"], on: bobs, time: 1_100))
        // Alice's branch: she takes Bob's power away, and Charlie sets a topic.
        var alices = base.with(room.addPowerLevels("demotion", [alice: 100, charlie: 50], on: base, time: 2_000))
        alices = alices.with(room.add("topic", .topic, key: "", by: charlie, [:], on: alices, time: 2_001))
        #expect(try room.resolve(bobs, alices) == alices)
        #expect(try room.resolve(alices, bobs, base) == alices)
    }

    @Test(arguments: versions)
    func `no event comes before one it rests on, whatever the clocks say`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob])
        let first = base.with(room.addPowerLevels("levels2", [alice: 100, bob: 10], on: base, time: 100))
        let second = first.with(room.addPowerLevels("levels3", [alice: 100, bob: 20], on: first, time: 50))
        #expect(try room.resolve(second, base) == second)
    }

    @Test(arguments: versions)
    func `what a branch rests on takes part, though the branch has replaced it`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob, charlie])
        let aside = room.addPowerLevels("aside", [alice: 100], ["invite": 10], on: base, time: 100)
        // Bob has power only by levels that are in neither state.
        let first = base.with(room.addPowerLevels("levels2", [alice: 100, bob: 50], on: base, time: 200))
        let second = first.with(
            room.addPowerLevels("levels3", [alice: 100, bob: 50, charlie: 50], by: bob, on: first, time: 201))
        #expect(try room.resolve(second, base.with(aside)) == second)
    }

    @Test(arguments: versions)
    func `a kick counts before the kicked user's own leave and rejoin`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let kick = room.addMember("kick", bob, .leave, by: alice, on: base, time: 100)
        let closed = room.add(
            "rules2", .joinRules, key: "", by: alice, ["join_rule": "invite"], on: base.with(kick), time: 101)
        let rename = room.addMember("rename", bob, .join, ["displayname": "B"], on: base, time: 200)
        #expect(try room.resolve(base.with(kick, closed), base.with(rename)) == base.with(kick, closed))
    }

    @Test(arguments: versions)
    func `a rejected auth event authorizes nothing`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob], levels: [bob: 50])
        let promotion = room.addPowerLevels("levels2", [alice: 100, bob: 100], by: alice, on: base)
        let forged = room.add(
            "topic", .topic, key: "", by: bob, [:],
            authEvents: version.pick(v1: ["create", "levels2", "join-bob"], v12: ["levels2", "join-bob"]))
        let state = base.without(.powerLevels)
        #expect(try room.resolve(state, state.with(forged))[StateKey(.topic)] == forged.eventID)
        let resolved = try room.resolve([state, state.with(forged)], rejected: [promotion.eventID])
        #expect(resolved[StateKey(.topic)] == nil)
    }

    @Test(arguments: versions)
    func `missing events are passed over`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob])
        let key = StateKey(.topic)
        let topic = room.add("topic", .topic, key: "", by: alice, [:], on: base)
        let lost = base.merging([key: room.id("lost")]) { $1 }
        #expect(try room.resolve(base.with(topic), lost)[key] == topic.eventID)
        #expect(try room.resolve(base, lost)[key] == nil)
    }

    @Test func `auth events that run in circles end`() throws {
        let room = TestRoom(.v2)
        let base = room.start(joined: [bob])
        let one = room.addPowerLevels("one", [alice: 100], authEvents: ["create", "alice", "two"])
        let two = room.addPowerLevels("two", [alice: 100], authEvents: ["create", "alice", "one"])
        let topic = room.add("topic", .topic, key: "", by: alice, [:], authEvents: ["create", "alice", "one"])
        let resolved = try room.resolve(base.with(one, topic), base.with(two))
        #expect(resolved[.create] == base[.create])
        #expect(resolved[.powerLevels] != nil)
    }

    @Test func `a chain of ten thousand power levels is no deep recursion`() throws {
        let room = TestRoom(.v12)
        let base = room.start(joined: [bob])
        var state = base
        for step in 0..<10_000 {
            state = state.with(room.addPowerLevels("step\(step)", [alice: 100, bob: Int64(step % 7)], on: state))
        }
        let topic = room.add("topic", .topic, key: "", by: alice, [:], on: base)
        #expect(try room.resolve(state, base.with(topic)) == state.with(topic))
    }

    @Test func `a cancelled task stops resolving`() async {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            let room = TestRoom(.v10)
            let base = room.start()
            let topic = room.add("topic", .topic, key: "", by: alice, [:], on: base)
            _ = try room.resolve(base, base.with(topic))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test(arguments: versions)
    func `only what the rules need of the unconflicted state is looked up`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob, charlie, dora], levels: [bob: 50])
        let one = room.add("one", .topic, key: "", by: alice, [:], on: base)
        let two = room.add("two", .topic, key: "", by: bob, [:], on: base)
        var asked: Set<StateKey> = []
        var fetched: [EventID] = []
        let resolved = try resolveState(
            conflicted: [StateKey(.topic): [one.eventID, two.eventID]],
            unconflicted: { key in
                asked.insert(key)
                return base[key]
            }, authDifference: [room.id("join-bob")], version: version,
            event: { id in
                fetched.append(id)
                return room.events[id]
            })
        #expect(resolved == [StateKey(.topic): two.eventID])
        #expect(
            asked.isSubset(of: [.create, .powerLevels, .member(alice), .member(bob), .joinRules, StateKey(.topic)]))
        #expect(Set(fetched).count == fetched.count)
    }
}

/// What room version 12 changed, by the examples of the proposal (MSC4297).
@Suite struct StateResolutionV21Tests {
    @Test(arguments: [RoomVersion.v11, .v12])
    func `starting from the empty state keeps join rules whose sender has left`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var state = room.start(joined: [bob, charlie])
        let before = state
        state = state.with(room.add("rules2", .joinRules, key: "", by: alice, ["join_rule": "invite"], on: state))
        state = state.with(room.addMember("leave-alice", alice, .leave, on: state))
        let bobs = room.addMember("bob2", bob, .join, ["displayname": "bob++"], on: state)
        let charlies = room.addMember("charlie2", charlie, .join, ["displayname": "charlie++"], on: state)
        // One server lost the newer join rules, and each lost the other's change of name.
        let one = state.with(bobs)
        let other = state.with(charlies).merging([.joinRules: before[.joinRules]!]) { $1 }
        let expected = version.pick(v1: state.without(.joinRules), v12: state).with(bobs, charlies)
        #expect(try room.resolve(one, other) == expected)
    }

    @Test(arguments: [RoomVersion.v11, .v12])
    func `the conflicted subgraph keeps power levels that rest on forgotten ones`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let base = room.start(joined: [bob, charlie])
        var state = base.with(room.addPowerLevels("levels1", [alice: 100, bob: 50], on: base))
        state = state.with(room.addPowerLevels("levels2", [alice: 100, bob: 50, charlie: 50], by: bob, on: state))
        let zara = UserID(trusted: "@zara:z.example")
        let zaras = state.with(room.addMember("zara", zara, .join, on: state))
        let joined = room.addMember("dora", dora, .join, on: state)
        let renamed = room.addMember("dora2", dora, .join, ["displayname": "dora++"], on: state.with(joined))
        // The other server has gone back to the first power levels.
        let doras = state.with(joined, renamed).merging([.powerLevels: base[.powerLevels]!]) { $1 }
        let resolved = try room.resolve(zaras, doras)
        #expect(resolved[.powerLevels] == room.id(version.pick(v1: "levels", v12: "levels2")))
        #expect(resolved[.member(zara)] == room.id("zara"))
        #expect(resolved[.member(dora)] == renamed.eventID)
    }

    @Test func `a caller's own subgraph is used`() throws {
        let room = TestRoom(.v12)
        let base = room.start(joined: [bob])
        let one = room.add("one", .topic, key: "", by: alice, [:], on: base)
        let two = room.add("two", .topic, key: "", by: alice, [:], on: base)
        var asked: [Set<EventID>] = []
        let resolved = try resolveState(
            conflicted: [StateKey(.topic): [one.eventID, two.eventID]], unconflicted: { base[$0] },
            authDifference: [], version: .v12,
            conflictedSubgraph: { ids in
                asked.append(ids)
                return ids
            }, event: { room.events[$0] })
        #expect(resolved == [StateKey(.topic): two.eventID])
        #expect(asked == [[one.eventID, two.eventID]])
    }
}
