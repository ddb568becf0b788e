import Testing

@testable import Storage

@Suite struct StateNodeTests {
    @Test func `nodes come back from their bytes`() throws {
        let leaf = StateNode(.leaf(keys: [1, 7, 300], values: [9, 8, 1 << 40]))
        let readLeaf = try #require(StateNode(encoded: leaf.encoded()))
        guard case .leaf(let keys, let values) = readLeaf.body else { throw ChangeOfMind() }
        #expect(keys == [1, 7, 300])
        #expect(values == [9, 8, 1 << 40])

        let branch = StateNode(.branch(count: 40, bitmap: 0x8000_0101, children: [5, 600, 7]))
        let readBranch = try #require(StateNode(encoded: branch.encoded()))
        guard case .branch(let count, let bitmap, let children) = readBranch.body else { throw ChangeOfMind() }
        #expect(count == 40)
        #expect(bitmap == 0x8000_0101)
        #expect(children == [5, 600, 7])
    }

    @Test func `bytes cut short are no node`() {
        for node in [
            StateNode(.leaf(keys: [1, 7, 300], values: [9, 8, 7])),
            StateNode(.branch(count: 40, bitmap: 7, children: [5, 6, 7])),
        ] {
            let bytes = node.encoded()
            for length in bytes.indices { #expect(StateNode(encoded: Array(bytes[..<length])) == nil) }
        }
    }

    @Test func `damaged bytes do no harm`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            let bytes = (0..<generator.below(40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            _ = StateNode(encoded: [UInt8(generator.below(2))] + bytes)
        }
    }

    @Test func `all of a key's bits are used before two keys share every place`() {
        // 13 levels of five bits tell any two 64-bit keys apart.
        for key in [Int64.min, -1, 0, 1, .max] {
            for depth in 0..<13 { #expect((0..<32).contains(StateNode.slot(of: key, depth: depth))) }
        }
    }
}
