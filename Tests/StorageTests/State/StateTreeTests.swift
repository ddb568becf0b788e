import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct StateTreeTests {
    typealias Model = [StateKeyNumber: EventNumber]

    @Test(arguments: SeededCase.cases(3))
    func `a state is what a dictionary would be`(test: SeededCase) async throws {
        try await withStorage(test.engine) { storage in
            try await storage.write { stores in
                let tree = stores.states
                var generator = SeededGenerator(seed: test.seed)
                // Sizes around which leaves split and branches collapse, and a few levels.
                let keySpace = [40, 200, 3_000][Int(test.seed)]
                var states: [(root: StateRoot, model: Model)] = [(.empty, [:])]
                for _ in 0..<60 {
                    var (root, model) = states[generator.below(states.count)]
                    var changes: [StateKeyNumber: EventNumber?] = [:]
                    for _ in 0...generator.below(generator.below(4) == 0 ? keySpace : 4) {
                        let key = Int64(generator.below(keySpace))
                        let event: EventNumber? = generator.below(3) == 0 ? nil : Int64(generator.below(1_000))
                        changes.updateValue(event, forKey: key)
                    }
                    for (key, event) in changes { model[key] = event }
                    root = try tree.root(root, changing: changes)
                    states.append((root, model))

                    #expect(try tree.count(of: root) == model.count)
                    #expect(Model(uniqueKeysWithValues: try tree.entries(of: root).map { ($0.key, $0.event) }) == model)
                    for _ in 0..<20 {
                        let key = Int64(generator.below(keySpace))
                        #expect(try tree.event(under: key, in: root) == model[key])
                    }
                    let other = states[generator.below(states.count)]
                    let found = try tree.differences(from: other.root, to: root)
                    #expect(Set(found) == differences(from: other.model, to: model))
                    #expect(Set(found).count == found.count)
                    // Equal states have equal roots, whatever way they came about.
                    let anew = try tree.root(.empty, changing: model.mapValues { $0 })
                    #expect(anew == root)
                }
            }
        }
    }

    private func differences(from old: Model, to new: Model) -> Set<StateDifference> {
        Set(
            Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
                .map { StateDifference(key: $0, old: old[$0], new: new[$0]) })
    }

    @Test(arguments: Engine.available)
    func `the order of changes leaves no trace`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            try await storage.write { stores in
                let tree = stores.states
                var generator = SeededGenerator(seed: 7)
                let entries = (1...100 as ClosedRange<Int64>).map { ($0, $0 * 3) }
                let expected = try tree.root(.empty, changing: Dictionary(uniqueKeysWithValues: entries))
                for _ in 0..<4 {
                    var root = StateRoot.empty
                    for (key, event) in entries.shuffled(using: &generator) {
                        root = try tree.root(root, changing: [key: 0])
                        root = try tree.root(root, changing: [key: event])
                    }
                    #expect(root == expected)
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a state of 32 is one node, and one that shrinks to that is it again`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let root = try await storage.write { stores in
                let tree = stores.states
                let keys = Array(1...32 as ClosedRange<Int64>)
                let leaf = try tree.root(.empty, changing: Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) }))
                let more = try tree.root(leaf, changing: [33: 33])
                #expect(more != leaf)
                #expect(try tree.count(of: more) == 33)
                #expect(try tree.root(more, changing: [33: nil]) == leaf)
                // The last of a subtree goes, and with it the subtree.
                var root = more
                for key in 1...33 as ClosedRange<Int64> {
                    root = try tree.root(root, changing: [key: nil])
                    #expect(try tree.count(of: root) == 33 - Int(key))
                }
                #expect(root == .empty)
                #expect(try tree.root(.empty, changing: [5: nil]) == .empty)
                #expect(try tree.root(leaf, changing: [500: nil]) == leaf)
                #expect(try tree.root(leaf, changing: [:]) == leaf)
                return leaf
            }
            let body = try await storage.database.read { transaction in
                try transaction.first("SELECT body FROM state_nodes WHERE node = $1", .integer(root.node)) {
                    $0.blob(0)
                }
            }
            #expect(body?.first == 0)
        }
    }

    @Test(arguments: Engine.available)
    func `a state that was rolled back is in no cache`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let kept = try await storage.write { try $0.states.root(.empty, changing: [1: 1]) }
            await #expect(throws: ChangeOfMind.self) {
                try await storage.write { stores in
                    _ = try stores.states.root(kept, changing: [2: 2])
                    throw ChangeOfMind()
                }
            }
            #expect(storage.caches.nodes.count == 1)
            // The number that was given back now means something else.
            let next = try await storage.write { try $0.states.root(kept, changing: [3: 3]) }
            let entries = try await storage.read { try $0.states.entries(of: next).map(\.key).sorted() }
            #expect(entries == [1, 3])
        }
    }

    @Test(arguments: Engine.available)
    func `a missing or damaged node is an error`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let root = try await storage.write { try $0.states.root(.empty, changing: [1: 1]) }
            let fresh = try await storage.restarted()
            await #expect(throws: StorageError.self) {
                try await fresh.read { try $0.states.count(of: StateRoot(node: root.node + 1)) }
            }
            try await storage.write { stores in
                try stores.transaction.execute("UPDATE state_nodes SET body = $1", .blob([0, 5, 1]))
            }
            await #expect(throws: StorageError.self) { try await fresh.read { try $0.states.count(of: root) } }
        }
    }
}
