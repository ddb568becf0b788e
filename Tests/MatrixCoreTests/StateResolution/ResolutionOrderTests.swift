import MatrixCore
import Testing

/// Random rooms that fork: whatever order the input comes in, the result is the same.
@Suite struct ResolutionOrderTests {
    private static let users = [alice, bob, charlie, dora]

    /// Lets somebody do something that the rules allow on `state`; returns the state after that.
    private func step(
        _ room: TestRoom, _ name: String, on state: State, using random: inout SeededGenerator
    ) throws -> State {
        func any<Value>(of values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }
        let (actor, target) = (any(of: Self.users), any(of: Self.users))
        let time = Int64.random(in: 0..<50, using: &random)
        let depth = Int64.random(in: 0..<20, using: &random)
        let event: Event
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1:
            var levels: [UserID: Int64] = [alice: 100]
            for user in Self.users.dropFirst() { levels[user] = any(of: [0, 50, 100]) }
            event = room.addPowerLevels(name, levels, by: actor, on: state, time: time, depth: depth)
        case 2:
            let rule = any(of: ["public", "invite"])
            event = room.add(
                name, .joinRules, key: "", by: actor, ["join_rule": .string(rule)], on: state, time: time, depth: depth)
        case 3:
            event = room.addMember(name, target, .ban, by: actor, on: state, time: time, depth: depth)
        case 4:
            event = room.addMember(name, target, .leave, by: actor, on: state, time: time, depth: depth)
        case 5:
            event = room.addMember(name, actor, .join, ["n": .string(name)], on: state, time: time, depth: depth)
        case 6:
            event = room.addMember(name, target, .invite, by: actor, on: state, time: time, depth: depth)
        default:
            event = room.add(name, .topic, key: "", by: actor, [:], on: state, time: time, depth: depth)
        }
        return try room.refusal(of: event, on: state) == nil ? state.with(event) : state
    }

    @Test(arguments: RoomVersion.supported)
    func `the result does not depend on the order of the input`(version: RoomVersion) throws {
        var conflicts = 0
        for seed in 0..<60 {
            var random = SeededGenerator(seed: UInt64(seed))
            let room = TestRoom(version)
            var base = room.start(joined: [bob, charlie])
            for index in 0..<6 { base = try step(room, "base\(index)", on: base, using: &random) }
            var branches: [State] = []
            for branch in 0..<3 {
                var state = base
                for index in 0..<12 { state = try step(room, "b\(branch)-\(index)", on: state, using: &random) }
                branches.append(state)
            }
            let result = try room.resolve(branches)
            if Set(branches).count > 1 { conflicts += 1 }
            for _ in 0..<6 {
                let shuffled = branches.shuffled(using: &random).map { state in
                    State(uniqueKeysWithValues: state.shuffled(using: &random).map { ($0.key, $0.value) })
                }
                #expect(try room.resolve(shuffled) == result, "seed \(seed)")
            }
            // Each key holds one of the events some branch had, or one they rest on.
            let known = branches.reduce(into: Set<EventID>()) { $0.formUnion($1.values) }
            #expect(result.values.allSatisfy(known.union(room.authChain(of: known)).contains), "seed \(seed)")
            // What is settled stays so.
            #expect(try room.resolve(result, result) == result)
        }
        #expect(conflicts > 30)
    }
}
