import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

/// Rooms that fork and join at random: storage must say of every event what MatrixCore says, given whole states.
@Suite struct ResolvingTests {
    private static let versions: [RoomVersion] = [.v1, .v2, .v11, .v12]

    @Test(arguments: Engine.available, versions)
    func `states at forks are what the whole states resolve to`(engine: Engine, version: RoomVersion) async throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            try await withStorage(engine) { storage in
                let room = try await TestRoom.make(in: storage, version: version, powerLevels: ["state_default": 10])
                try await room.join(bob)
                let tip = try await room.join(charlie)
                var model = Model(room: room, seed: seed)
                try await model.takeUp(tip)
                for step in 0..<40 {
                    try await model.addEvent(step)
                    // Now and then nothing is in memory.
                    if step % 13 == 12 { try await room.restart() }
                    try await model.check()
                }
                #expect(model.forks > 5)
                for _ in 0..<60 { try await model.checkMixture() }
            }
        }
    }

    private struct Model {
        typealias State = [StateKey: EventID]

        let room: TestRoom
        var generator: SeededGenerator
        private var events: [EventID: Event] = [:]
        private var after: [EventID: State] = [:]
        private var tips: Set<EventID> = []
        private var latest: [Event] = []
        private(set) var forks = 0

        init(room: TestRoom, seed: UInt64) {
            self.room = room
            generator = SeededGenerator(seed: seed)
        }

        /// Begins with the room as it is.
        mutating func takeUp(_ tip: Event) async throws {
            let handle = room.handle
            let all = try await room.storage.read { stores in
                try stores.timeline(of: handle, after: 0, upTo: .max, limit: 100, .forwards)
                    .compactMap { try stores.parsedEvent($0.number) }
            }
            for event in all { events[event.eventID] = event }
            after[tip.eventID] = try await room.currentState()
            tips = [tip.eventID]
            latest = [tip]
        }

        mutating func addEvent(_ step: Int) async throws {
            // On one or two of the latest events; so branches are a few events long.
            var previous = [latest[generator.below(latest.count)]]
            if generator.below(4) == 0 {
                let other = latest[generator.below(latest.count)]
                if other != previous[0] { previous.append(other) }
            }
            let before = try resolve(previous.map(\.eventID))
            let (type, key, content) = intent(step)
            let sender = [alice, bob, charlie][generator.below(3)]
            let event = try await room.draft(
                type, key: key ?? sender.string, content, by: sender, on: previous, state: before,
                time: Int64(10_000 + generator.below(100)))
            // Only what the rules allow is committed.
            guard (try? authorize(event, state: { key in before[key].flatMap { events[$0] } })) != nil else { return }
            let commit = try await room.commit(event)
            events[event.eventID] = event
            if let key = event.state { after[event.eventID] = before.merging([key: event.eventID]) { $1 } }
            tips.subtract(previous.map(\.eventID))
            tips.insert(event.eventID)
            if tips.count > 1 { forks += 1 }
            latest = Array((latest + [event]).suffix(4))
            let stored = try #require(commit.events.first?.record.stateBefore)
            #expect(try await room.state(stored) == before)
        }

        /// Something that may conflict; with no key, the sender's own membership.
        private mutating func intent(_ step: Int) -> (EventType, key: String?, JSONObject) {
            switch generator.below(9) {
            case 0: return (.joinRules, "", ["join_rule": generator.below(2) == 0 ? "invite" : "public"])
            case 1, 2:
                var users: JSONObject = [bob.string: .integer([0, 10, 50][generator.below(3)])]
                if !room.handle.version.eventFormat.roomIDIsCreateHash { users[alice.string] = 100 }
                if generator.below(2) == 0 { users[charlie.string] = .integer([0, 10, 40][generator.below(3)]) }
                return (
                    .powerLevels, "", ["users": .object(users), "state_default": 10, "note": .integer(Int64(step))]
                )
            case 3: return (.member, bob.string, ["membership": generator.below(2) == 0 ? "ban" : "leave"])
            case 4: return (.member, charlie.string, ["membership": generator.below(2) == 0 ? "invite" : "leave"])
            case 5: return (.member, nil, ["membership": "join", "displayname": .string("\(step)")])
            default: return ([EventType.topic, .name][generator.below(2)], "", ["text": .integer(Int64(step))])
            }
        }

        private func resolve(_ ids: [EventID]) throws -> State { try resolve(states: ids.compactMap { after[$0] }) }

        private func resolve(states: [State]) throws -> State {
            try resolveState(
                states, version: room.handle.version, event: { events[$0] },
                authChain: { ids in
                    var chain: Set<EventID> = []
                    var pending = Array(ids)
                    while let id = pending.popLast() {
                        for next in events[id]?.authEvents ?? [] where chain.insert(next).inserted {
                            pending.append(next)
                        }
                    }
                    return chain
                })
        }

        /// States as other servers may have them, who lost this or that: each mostly one that was, with some of others.
        mutating func checkMixture() async throws {
            let known = after.sorted { $0.key < $1.key }.map(\.value)
            var mixtures: [State] = []
            for _ in 0..<(2 + generator.below(2)) {
                var mixture = known[generator.below(known.count)]
                for key in mixture.keys.sorted() where key != .create && generator.below(5) == 0 {
                    mixture[key] = known[generator.below(known.count)][key]
                }
                mixtures.append(mixture)
            }
            let expected = try resolve(states: mixtures)
            let (states, handle) = (mixtures, room.handle)
            let resolved = try await room.storage.write { stores in
                let roots = try states.map { state in
                    var entries: [StateKeyNumber: EventNumber?] = [:]
                    for (key, id) in state { entries[try stores.intern(key)] = try stores.number(of: id) }
                    return try stores.states.root(.empty, changing: entries)
                }
                return try stores.resolve(roots, in: handle)
            }
            #expect(try await room.state(resolved) == expected)
        }

        /// The room's state is what its tips resolve to, in the trie and in the table.
        func check() async throws {
            let expected = try resolve(tips.sorted())
            #expect(Set(room.position.extremities.map(\.id)) == tips)
            #expect(try await room.state(room.position.state) == expected)
            #expect(try await room.currentState() == expected)
        }
    }
}
