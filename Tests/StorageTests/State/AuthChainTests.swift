import SQLEngine
import TestSupport
import Testing

@testable import Storage

/// A graph of auth events, by number.
private struct AuthGraph: Sendable {
    /// What each event rests on, and which of that it replaces.
    var events: [(number: EventNumber, authEvents: [EventNumber], replaced: EventNumber?)] = []

    /// - Parameter span: How far back events rest: a small one makes deep graphs.
    static func random(_ count: Int, span: Int, using generator: inout SeededGenerator) -> AuthGraph {
        var graph = AuthGraph()
        for number in 1...count {
            var authEvents: [EventNumber] = []
            if number > 1 {
                for _ in 0..<generator.below(5) {
                    authEvents.append(EventNumber(max(1, number - 1 - generator.below(min(span, number - 1)))))
                }
            }
            let replaced = generator.below(3) == 0 ? authEvents.last : nil
            // Now and then a name that is not known, or given twice.
            if generator.below(10) == 0 { authEvents.append(1_000_000) }
            graph.events.append((EventNumber(number), authEvents, replaced))
        }
        return graph
    }

    func ancestors(of set: [EventNumber]) -> Set<EventNumber> {
        var found: Set<EventNumber> = []
        var pending = set
        while let number = pending.popLast() {
            guard number <= events.count, found.insert(number).inserted else { continue }
            pending += events[Int(number) - 1].authEvents
        }
        return found
    }

    func difference(of sets: [[EventNumber]]) -> Set<EventNumber> {
        let chains = sets.map(ancestors)
        guard let first = chains.first else { return [] }
        let all = chains.dropFirst().reduce(first) { $0.union($1) }
        return all.subtracting(chains.dropFirst().reduce(first) { $0.intersection($1) })
    }

    func subgraph(of set: [EventNumber]) -> Set<EventNumber> {
        ancestors(of: set).filter { candidate in
            let below = ancestors(of: [candidate])
            return set.contains { below.contains($0) }
        }
    }

    func randomSet(_ generator: inout SeededGenerator, upTo size: Int) -> [EventNumber] {
        (0..<generator.below(size + 1)).map { _ in EventNumber(1 + generator.below(events.count)) }
    }
}

@Suite struct AuthChainTests {
    @Test(arguments: SeededCase.cases(12))
    func `any graph is answered for as a walk would`(test: SeededCase) async throws {
        try await withStorage(test.engine) { storage in
            var generator = SeededGenerator(seed: test.seed)
            let graph = AuthGraph.random(80, span: [3, 12, 80][Int(test.seed % 3)], using: &generator)
            // Some events at a time, so that places are read back, too.
            var added = 0
            while added < graph.events.count {
                let part = Array(graph.events[added..<min(graph.events.count, added + 1 + generator.below(12))])
                added += part.count
                try await storage.write { stores in
                    for event in part {
                        try stores.addToAuthChains(
                            event.number, authEvents: event.authEvents, replacing: event.replaced)
                    }
                }
            }
            let start = generator
            try await storage.read { stores in
                var generator = start
                for _ in 0..<60 {
                    let common = graph.randomSet(&generator, upTo: 4)
                    let sets = (0..<(2 + generator.below(3))).map { _ in graph.randomSet(&generator, upTo: 5) + common }
                    #expect(try stores.authDifference(of: sets) == graph.difference(of: sets))
                    // The same, with the common part as a state would have it, found by either way.
                    let shared = SharedEvents(
                        anchors: Array(common.prefix(1)), amongOrAfter: { $0.filter(common.contains) }, all: { common })
                    for limit in [0, 5, 1_000] {
                        let found = try stores.authDifference(
                            of: sets.map { set in set.filter { !common.contains($0) } }, beside: shared, limit: limit)
                        #expect(found == graph.difference(of: sets))
                    }
                    let conflicted = graph.randomSet(&generator, upTo: 5)
                    #expect(Set(try stores.authSubgraph(of: conflicted)) == graph.subgraph(of: conflicted))
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `sets that agree have no difference`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            try await storage.write { stores in
                try stores.addToAuthChains(1, authEvents: [])
                try stores.addToAuthChains(2, authEvents: [1])
                #expect(try stores.authDifference(of: []) == [])
                #expect(try stores.authDifference(of: [[1, 2]]) == [])
                #expect(try stores.authDifference(of: [[1, 2], [2, 1]]) == [])
                #expect(try stores.authDifference(of: [[1, 2], [2]]) == [])
                #expect(try stores.authDifference(of: [[2], []]) == [1, 2])
                #expect(throws: StorageError.self) { try stores.authDifference(of: [[3], [1]]) }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `what replaces an event goes on with its chain, and links lead only where none did`(
        engine: Engine
    ) async throws {
        try await withStorage(engine) { storage in
            try await storage.write { stores in
                // Create, Alice, power levels, join rules; then users who join, and power levels and names that change.
                try stores.addToAuthChains(1, authEvents: [])
                try stores.addToAuthChains(2, authEvents: [1])
                try stores.addToAuthChains(3, authEvents: [1, 2])
                try stores.addToAuthChains(4, authEvents: [1, 2, 3])
                for user in 5...20 as ClosedRange<EventNumber> {
                    try stores.addToAuthChains(user, authEvents: [1, 3, 4])
                }
                try stores.addToAuthChains(21, authEvents: [1, 2, 3], replacing: 3)
                try stores.addToAuthChains(22, authEvents: [1, 2, 21], replacing: 21)
                try stores.addToAuthChains(23, authEvents: [1, 22, 5, 4], replacing: 5)
            }
            #expect(try await storage.number("SELECT COUNT(DISTINCT chain) FROM auth_chains") == 3 + 16)
            #expect(try await storage.number("SELECT COUNT(*) FROM auth_chains WHERE chain = 3") == 3)
            // Power levels to Alice, join rules to power levels, each user to join rules, the last to power levels.
            #expect(try await storage.number("SELECT COUNT(*) FROM auth_chain_links") == 2 + 16 + 1)
        }
    }

    @Test(arguments: Engine.available)
    func `a long line of events is one chain`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            try await storage.write { stores in
                for event in 1...2_000 as ClosedRange<EventNumber> {
                    try stores.addToAuthChains(event, authEvents: event == 1 ? [] : [event - 1])
                }
            }
            #expect(try await storage.number("SELECT MAX(sequence) FROM auth_chains WHERE chain = 1") == 2_000)
            #expect(try await storage.number("SELECT COUNT(*) FROM auth_chain_links") == 0)
            let difference = try await storage.read { try $0.authDifference(of: [[2_000], [1_990]]) }
            #expect(difference == Set(1_991...2_000))
        }
    }
}
