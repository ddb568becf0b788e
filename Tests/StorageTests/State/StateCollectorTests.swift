import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

/// Rooms that are written to beside a collection, with what each root must hold.
private struct World {
    typealias State = [StateKeyNumber: EventNumber]

    struct Tip: Sendable {
        var event: EventNumber
        var root: StateRoot
        var state: State
    }

    var storage: TestStorage
    var generator: SeededGenerator
    /// Of each room the newest event and the state after it.
    private(set) var rooms: [RoomNumber: Tip] = [:]
    /// What the roots that storage knows hold, by room.
    private(set) var roots: [RoomNumber: [StateRoot: State]] = [:]
    /// States that were written and never used.
    private var unused: [State] = []
    private var nextRoom = 0

    init(_ storage: TestStorage, seed: UInt64) {
        self.storage = storage
        generator = SeededGenerator(seed: seed)
    }

    /// Something that happens to a room, or to none, in one transaction.
    mutating func act() async throws {
        switch rooms.isEmpty ? 0 : generator.below(12) {
        case 0: try await addRoom()
        case 1 where rooms.count > 2: try await deleteRoom()
        case 2, 3: try await writeInVain()
        case 4: try await writeAgain()
        case 5: try await say()
        case 6: try await fork()
        default: try await change()
        }
    }

    private mutating func anyRoom() -> RoomNumber { rooms.keys.sorted()[generator.below(rooms.count)] }

    private mutating func changes(_ count: Int, to state: inout State) -> [StateKeyNumber: EventNumber?] {
        var changes: [StateKeyNumber: EventNumber?] = [:]
        for _ in 0..<count {
            let event: EventNumber? = generator.below(4) == 0 ? nil : Int64(generator.below(8))
            changes.updateValue(event, forKey: Int64(generator.below(150)))
        }
        for (key, event) in changes { state[key] = event }
        return changes
    }

    mutating func addRoom() async throws {
        nextRoom += 1
        let id = RoomID(trusted: "!\(nextRoom):example.org")
        let room = try await storage.write {
            try $0.insertRoom(id, version: .v11, at: Timestamp(milliseconds: 0)).number
        }
        var state: State = [:]
        let changes = changes(generator.below(120), to: &state)
        rooms[room] = Tip(event: 0, root: .empty, state: [:])
        try await commit(in: room, state) { stores, before in try stores.states.root(before, changing: changes) }
    }

    /// A room's rows are deleted; its nodes are left to the collector.
    private mutating func deleteRoom() async throws {
        let room = anyRoom()
        try await storage.write { stores in
            for table in ["forward_extremities", "events", "rooms"] {
                try stores.transaction.execute("DELETE FROM \(table) WHERE room = $1", .integer(room))
            }
        }
        rooms[room] = nil
        roots[room] = nil
    }

    private mutating func change() async throws {
        let room = anyRoom()
        var state = rooms[room]?.state ?? [:]
        let changes = changes(1 + generator.below(3), to: &state)
        try await commit(in: room, state) { stores, before in try stores.states.root(before, changing: changes) }
    }

    private mutating func say() async throws {
        let room = anyRoom()
        try await commit(in: room, rooms[room]?.state ?? [:]) { _, before in before }
    }

    /// Intermediate states that no event refers to.
    private mutating func writeInVain() async throws {
        let room = anyRoom()
        guard let tip = rooms[room] else { return }
        var state = tip.state
        let changes = changes(1 + generator.below(60), to: &state)
        _ = try await storage.write { try $0.states.root(tip.root, changing: changes) }
        unused.append(state)
    }

    /// A state comes back whose nodes nobody uses, or that are deleted already.
    private mutating func writeAgain() async throws {
        guard !unused.isEmpty else { return }
        let state = unused[generator.below(unused.count)]
        try await commit(in: anyRoom(), state) { stores, _ in
            try stores.states.root(.empty, changing: state.mapValues { $0 })
        }
    }

    /// A tip's state that only the tip refers to; the next event of the room stands on it.
    private mutating func fork() async throws {
        let room = anyRoom()
        guard var tip = rooms[room] else { return }
        let changes = changes(1 + generator.below(3), to: &tip.state)
        let before = tip
        tip.root = try await storage.write { stores in
            let root = try stores.states.root(before.root, changing: changes)
            try stores.setTip(of: room, to: before.event, root)
            return root
        }
        rooms[room] = tip
    }

    private mutating func commit(
        in room: RoomNumber, _ state: State, _ after: @Sendable (RoomStores, StateRoot) throws -> StateRoot
    ) async throws {
        guard let tip = rooms[room] else { return }
        let (event, root) = try await storage.write { stores in
            let root = try after(stores, tip.root)
            let event = stores.caches.numbers.next()
            try stores.transaction.execute(
                """
                INSERT INTO events (event, room, event_id, depth, origin_server_ts, state_before, room_state)
                VALUES ($1, $2, $3, 1, 1, $4, $5)
                """, .integer(event), .integer(room), .text("$\(event)"), .integer(tip.root.node), .integer(root.node))
            try stores.transaction.execute(
                "UPDATE rooms SET state_root = $2 WHERE room = $1", .integer(room), .integer(root.node))
            try stores.setTip(of: room, to: event, root)
            return (event, root)
        }
        roots[room, default: [:]][tip.root] = tip.state
        roots[room, default: [:]][root] = state
        rooms[room] = Tip(event: event, root: root, state: state)
    }

    /// Reads all that must be there, with nothing in memory.
    func check(_ when: String) async throws {
        let fresh = TestStorage(storage.database)
        let expected = Array(roots.values) + [Dictionary(rooms.values.map { ($0.root, $0.state) }) { $1 }]
        try await fresh.read { stores in
            for states in expected {
                for (root, state) in states {
                    let held = try stores.states.entries(of: root)
                    #expect(Dictionary(uniqueKeysWithValues: held.map { ($0.key, $0.event) }) == state, "\(when)")
                }
            }
        }
    }

    /// How many nodes the roots reach.
    func reachable() async throws -> Int64 {
        let fresh = TestStorage(storage.database)
        let all = roots.values.flatMap(\.keys) + rooms.values.map(\.root)
        return try await fresh.read { stores in
            for root in all { _ = try stores.states.entries(of: root) }
            return Int64(stores.caches.nodes.count)
        }
    }
}

extension RoomStores {
    fileprivate func setTip(of room: RoomNumber, to event: EventNumber, _ root: StateRoot) throws {
        guard event > 0 else { return }
        try transaction.execute("DELETE FROM forward_extremities WHERE room = $1", .integer(room))
        try transaction.execute(
            "INSERT INTO forward_extremities (room, event, state) VALUES ($1, $2, $3)",
            .integer(room), .integer(event), .integer(root.node))
    }
}

@Suite struct StateCollectorTests {
    private let nodeCount = "SELECT COUNT(*) FROM state_nodes"

    @Test(arguments: Engine.available)
    func `what nothing reaches is deleted, and all else stays`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            var world = World(storage, seed: 1)
            for _ in 0..<40 { try await world.act() }
            let before = try await storage.number(nodeCount)
            let reachable = try await world.reachable()
            #expect(reachable < before)
            let collector = StateCollector(caches: storage.caches, batch: 10)
            var pauses = 0
            let deleted = try await collector.run(database: storage.database) { pauses += 1 }
            #expect(Int64(deleted) == before - reachable)
            #expect(try await storage.number(nodeCount) == reachable)
            #expect(Int64(pauses) > reachable / 10)
            try await world.check("in the end")
            // Nothing is left to do.
            #expect(try await collector.run(database: storage.database) {} == 0)
            #expect(try await storage.number(nodeCount) == reachable)
        }
    }

    @Test(arguments: SeededCase.cases(10))
    func `whatever is written between two steps stays whole`(test: SeededCase) async throws {
        try await withStorage(test.engine) { storage in
            var world = World(storage, seed: test.seed)
            for _ in 0..<15 { try await world.act() }
            let collector = StateCollector(caches: storage.caches, batch: 1 + Int(test.seed) * 3)
            var collections = 0
            var steps = 0
            while collections < 2 {
                for _ in 0..<world.generator.below(3) where steps < 200 { try await world.act() }
                steps += 1
                if try await collector.step(database: storage.database) != .working {
                    collections += 1
                    try await world.check("after \(steps) steps")
                }
                if steps % 10 == 0 { try await world.check("after \(steps) steps") }
            }
            // What became unreachable meanwhile falls to the next collection.
            _ = try await collector.run(database: storage.database) {}
            let reachable = try await world.reachable()
            #expect(try await storage.number(nodeCount) == reachable)
        }
    }

    @Test(arguments: SeededCase.cases(10))
    func `a server that is killed between two steps goes on, and one that forgot to begins anew`(
        test: SeededCase
    ) async throws {
        try await withStorage(test.engine) { storage in
            var world = World(storage, seed: 100 + test.seed)
            for _ in 0..<15 { try await world.act() }
            let batch = 2 + Int(test.seed) * 3
            var steps = 0
            while true {
                if world.generator.below(3) == 0 { try await world.act() }
                let progress = try await StateCollector(caches: world.storage.caches, batch: batch)
                    .step(database: storage.database)
                if progress != .working { break }
                steps += 1
                switch steps < 100 ? world.generator.below(8) : 0 {
                case 0...2: world.storage = try await storage.restarted()
                case 3:
                    let last = world.storage.caches.numbers.next()
                    world.storage = TestStorage(storage.database)
                    world.storage.caches.numbers.resume(after: last)
                default: break
                }
                if world.generator.below(3) == 0 { try await world.act() }
            }
            try await world.check("in the end")
            _ = try await StateCollector(caches: world.storage.caches).run(database: storage.database) {}
            let reachable = try await world.reachable()
            #expect(try await storage.number(nodeCount) == reachable)
            try await world.check("after another collection")
        }
    }

    @Test(arguments: Engine.available)
    func `a resumed collection does not begin anew`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            var world = World(storage, seed: 5)
            for _ in 0..<30 { try await world.act() }
            _ = try await StateCollector(caches: storage.caches, batch: 4).step(database: storage.database)
            let epoch = try await storage.number("SELECT epoch FROM state_collection")
            while true {
                let restarted = try await storage.restarted()
                let progress = try await StateCollector(caches: restarted.caches, batch: 4)
                    .step(database: storage.database)
                if progress != .working { break }
            }
            #expect(try await storage.number("SELECT epoch FROM state_collection") == epoch)
            #expect(try await storage.number("SELECT MIN(epoch) FROM state_nodes") == epoch)
            let reachable = try await world.reachable()
            #expect(try await storage.number(nodeCount) == reachable)
        }
    }

    @Test(arguments: Engine.available)
    func `a step that is rolled back changes nothing`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let root = try await storage.write { try $0.states.root(.empty, changing: [1: 1]) }
            // A damaged node ends the step that comes to it.
            try await storage.write { stores in
                try stores.transaction.execute("UPDATE state_nodes SET body = $1, epoch = 9", .blob([0, 5, 1]))
            }
            let collector = StateCollector(caches: storage.caches)
            await #expect(throws: StorageError.self) { try await collector.run(database: storage.database) {} }
            await #expect(throws: StorageError.self) { try await collector.step(database: storage.database) }
            #expect(try await storage.number(nodeCount) == 1)
            #expect(try await storage.read { try $0.states.count(of: root) } == 1)
        }
    }

    @Test(arguments: Engine.available)
    func `a swept node leaves memory with the transaction that deletes it`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let root = try await storage.write { try $0.states.root(.empty, changing: [1: 1]) }
            #expect(storage.caches.nodes[root.node] != nil)
            #expect(try await StateCollector(caches: storage.caches).run(database: storage.database) {} == 1)
            #expect(storage.caches.nodes[root.node] == nil)
            let again = try await storage.write { try $0.states.root(.empty, changing: [1: 1]) }
            #expect(again != root)
        }
    }
}
