import SQLEngine
import TestSupport
import Testing

@testable import Storage

/// A room of 100,000 state events, and what a change of it costs.
@Suite struct StateGrowthTests {
    private static let size: Int64 = 100_000
    private static let changes: Int64 = 1_000

    @Test(arguments: Engine.available)
    func `a change of a large state writes less than 2 kB, and a comparison reads what differs`(
        engine: Engine
    ) async throws {
        try await withStorage(engine) { storage in
            let first = try await storage.write { stores in
                var entries: [StateKeyNumber: EventNumber?] = [:]
                for key in 1...Self.size { entries[key] = key }
                return try stores.states.root(.empty, changing: entries)
            }
            let initial = try await Self.size(of: storage)
            // One transaction, as a commit of each would take as long again; each still writes its path.
            let last = try await storage.write { stores in
                var generator = SeededGenerator(seed: 2)
                var root = first
                for change in 1...Self.changes {
                    // Nine of ten replace an event, as most do; the others are new.
                    let key = change % 10 == 0 ? Self.size + change : 1 + Int64(generator.below(Int(Self.size)))
                    root = try stores.states.root(root, changing: [key: Self.size + change])
                }
                return root
            }
            let grown = try await Self.size(of: storage)
            let perChange = (grown.bytes - initial.bytes) / Self.changes
            #expect(perChange < 2_000)
            // Not because nothing was written.
            #expect(perChange > 100)
            #expect(grown.rows - initial.rows >= Self.changes)

            let fresh = try await storage.restarted()
            let found = try await fresh.read { try $0.states.differences(from: first, to: last).count }
            #expect(found > 900 && found <= Int(Self.changes))
            // Of each side at most the path to each change, of some 3,500 and more nodes that a side has.
            let pathLength = 4
            #expect(fresh.caches.nodes.count <= 2 * pathLength * found)

            let near = try await storage.write { try $0.states.root(last, changing: [1: 7]) }
            let cold = try await storage.restarted()
            let one = try await cold.read { try $0.states.differences(from: last, to: near) }
            #expect(one.map(\.key) == [1])
            #expect(cold.caches.nodes.count <= 2 * pathLength)
        }
    }

    /// How many nodes there are, and what they take: hash and body, the hash once more for its index, and some 40 bytes
    /// for numbers and headers.
    private static func size(of storage: TestStorage) async throws -> (rows: Int64, bytes: Int64) {
        try await storage.database.read { transaction in
            try transaction.first(
                "SELECT COUNT(*), CAST(SUM(2 * length(hash) + length(body) + 40) AS BIGINT) FROM state_nodes"
            ) { ($0.int(0), $0.int(1)) } ?? (0, 0)
        }
    }
}
