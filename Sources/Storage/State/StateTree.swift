import Crypto
package import SQLEngine
import Synchronization

/// The number of a state: its root node. Equal states have equal numbers; ``empty`` holds nothing.
package struct StateRoot: Hashable, Sendable {
    package let node: Int64
    package init(node: Int64) { self.node = node }
    package static let empty = StateRoot(node: 0)
}

/// What two states hold under a key they differ in.
package struct StateDifference: Hashable, Sendable {
    package let key: StateKeyNumber
    package let old: EventNumber?
    package let new: EventNumber?
}

/// Room states as persistent hash tries: a change writes the nodes on one path, a comparison reads what differs.
package struct StateTree {
    private let transaction: Transaction
    private let cache: StateNodeCache
    /// Nodes that a writing transaction read or wrote: not to be shared before it is committed, as a number given to a
    /// node that is rolled back is given again. `nil` in a reading transaction.
    private let own: OwnNodes?

    private final class OwnNodes: Sendable {
        private let nodes = Mutex<[Int64: StateNode]>([:])
        private let isShared = Atomic(false)

        subscript(number: Int64) -> StateNode? {
            get { nodes.withLock { $0[number] } }
            set { nodes.withLock { $0[number] = newValue } }
        }

        /// Gives the nodes to `cache` once `transaction` is committed.
        func share(with cache: StateNodeCache, after transaction: Transaction) {
            if isShared.exchange(true, ordering: .relaxed) { return }
            transaction.onCommit { [self] in
                for (number, node) in nodes.withLock({ $0 }) { cache.insert(node, number) }
            }
        }
    }

    /// What a transaction may do with the tries.
    package enum Access: Sendable { case reading, writing }

    package init(_ transaction: Transaction, cache: StateNodeCache, _ access: Access) {
        self.transaction = transaction
        self.cache = cache
        own = access == .writing ? OwnNodes() : nil
    }

    // MARK: Reading

    package func event(under key: StateKeyNumber, in root: StateRoot) throws -> EventNumber? {
        guard root != .empty else { return nil }
        var number = root.node
        var depth = 0
        while true {
            switch try node(number).body {
            case .leaf(let keys, let values):
                return keys.firstIndex(of: key).map { values[$0] }
            case .branch(_, let bitmap, let children):
                let bit = UInt32(1) << UInt32(StateNode.slot(of: key, depth: depth))
                guard bitmap & bit != 0 else { return nil }
                number = children[(bitmap & (bit - 1)).nonzeroBitCount]
                depth += 1
            }
        }
    }

    /// All entries, in no particular order.
    package func entries(of root: StateRoot) throws -> [(key: StateKeyNumber, event: EventNumber)] {
        guard root != .empty else { return [] }
        var entries: [(StateKeyNumber, EventNumber)] = []
        var waiting = [root.node]
        while let number = waiting.popLast() {
            switch try node(number).body {
            case .leaf(let keys, let values): entries.append(contentsOf: zip(keys, values))
            case .branch(_, _, let children): waiting.append(contentsOf: children)
            }
        }
        return entries
    }

    package func count(of root: StateRoot) throws -> Int {
        root == .empty ? 0 : try node(root.node).count
    }

    /// Where `new` differs from `old`. Reads only nodes that the two do not share.
    package func differences(from old: StateRoot, to new: StateRoot) throws -> [StateDifference] {
        var differences: [StateDifference] = []
        try compare(old.node, new.node, depth: 0, into: &differences)
        return differences
    }

    private func compare(
        _ old: Int64, _ new: Int64, depth: Int, into differences: inout [StateDifference]
    ) throws {
        guard old != new else { return }
        let oldBody = old == 0 ? nil : try node(old).body
        let newBody = new == 0 ? nil : try node(new).body
        if case .branch(_, let oldBits, let oldChildren) = oldBody,
            case .branch(_, let newBits, let newChildren) = newBody
        {
            for slot in 0..<32 where (oldBits | newBits) & (1 << UInt32(slot)) != 0 {
                let bit = UInt32(1) << UInt32(slot)
                let oldChild = oldBits & bit == 0 ? 0 : oldChildren[(oldBits & (bit - 1)).nonzeroBitCount]
                let newChild = newBits & bit == 0 ? 0 : newChildren[(newBits & (bit - 1)).nonzeroBitCount]
                try compare(oldChild, newChild, depth: depth + 1, into: &differences)
            }
            return
        }
        // At least one side is a leaf, so the other is small or grew out of one: compare entry by entry.
        let oldEntries = Dictionary(
            uniqueKeysWithValues: try entries(of: StateRoot(node: old)).map { ($0.key, $0.event) })
        let newEntries = try entries(of: StateRoot(node: new))
        var seen = 0
        for (key, event) in newEntries {
            let before = oldEntries[key]
            if before != nil { seen += 1 }
            if before != event { differences.append(StateDifference(key: key, old: before, new: event)) }
        }
        guard seen < oldEntries.count else { return }
        let kept = Set(newEntries.map(\.key))
        for (key, event) in oldEntries where !kept.contains(key) {
            differences.append(StateDifference(key: key, old: event, new: nil))
        }
    }

    // MARK: Writing

    /// The state that is `root` but for `changes`; a key given `nil` is removed.
    package func root(
        _ root: StateRoot, changing changes: [StateKeyNumber: EventNumber?]
    ) throws -> StateRoot {
        guard !changes.isEmpty else { return root }
        let number = try update(root.node, changes.map { ($0.key, $0.value) }, depth: 0)
        own?.share(with: cache, after: transaction)
        return StateRoot(node: number)
    }

    private typealias Change = (key: Int64, event: Int64?)

    /// Applies `changes` below `number`; returns the new subtree's root, 0 if it is empty.
    private func update(_ number: Int64, _ changes: [Change], depth: Int) throws -> Int64 {
        let body = number == 0 ? StateNode.Body.leaf(keys: [], values: []) : try node(number).body
        switch body {
        case .leaf(let keys, let values):
            var entries = Dictionary(uniqueKeysWithValues: zip(keys, values))
            for (key, event) in changes { entries[key] = event }
            return try build(entries.map { ($0.key, $0.value) }, depth: depth)
        case .branch(let count, let bitmap, let children):
            var total = count
            var slots = [Int64](repeating: 0, count: 32)
            var next = 0
            for slot in 0..<32 where bitmap & (1 << UInt32(slot)) != 0 {
                slots[slot] = children[next]
                next += 1
            }
            for (slot, part) in Dictionary(grouping: changes, by: { StateNode.slot(of: $0.key, depth: depth) }) {
                total -= try self.count(of: StateRoot(node: slots[slot]))
                slots[slot] = try update(slots[slot], part, depth: depth + 1)
                total += try self.count(of: StateRoot(node: slots[slot]))
            }
            return try branch(slots, count: total, depth: depth)
        }
    }

    private func branch(_ slots: [Int64], count: Int, depth: Int) throws -> Int64 {
        var bitmap: UInt32 = 0
        var children: [Int64] = []
        for (slot, child) in slots.enumerated() where child != 0 {
            bitmap |= 1 << UInt32(slot)
            children.append(child)
        }
        if count <= StateNode.leafCapacity {
            let entries = try children.flatMap { try self.entries(of: StateRoot(node: $0)) }
            return try build(entries.map { ($0.key, $0.event) }, depth: depth)
        }
        return try store(StateNode(.branch(count: count, bitmap: bitmap, children: children)))
    }

    private func build(_ entries: [(key: Int64, event: Int64)], depth: Int) throws -> Int64 {
        if entries.isEmpty { return 0 }
        if entries.count <= StateNode.leafCapacity {
            let sorted = entries.sorted { $0.key < $1.key }
            return try store(StateNode(.leaf(keys: sorted.map(\.key), values: sorted.map(\.event))))
        }
        var slots = [Int64](repeating: 0, count: 32)
        for (slot, part) in Dictionary(grouping: entries, by: { StateNode.slot(of: $0.key, depth: depth) }) {
            slots[slot] = try build(part, depth: depth + 1)
        }
        return try branch(slots, count: entries.count, depth: depth)
    }

    private func store(_ node: StateNode) throws -> Int64 {
        let bytes = node.encoded()
        let hash = Array(SHA256.hash(data: bytes).prefix(16))
        let epoch = cache.epoch
        let inserted = try transaction.first(
            """
            INSERT INTO state_nodes (hash, body, epoch) VALUES ($1, $2, $3)
            ON CONFLICT (hash) DO NOTHING RETURNING node
            """, .blob(hash), .blob(bytes), .integer(epoch)
        ) { $0.int(0) }
        if let inserted {
            own?[inserted] = node
            return inserted
        }
        let known = try transaction.first(
            "SELECT node, epoch FROM state_nodes WHERE hash = $1", .blob(hash)
        ) { ($0.int(0), $0.int(1)) }
        guard let (number, written) = known else { throw StorageError.damaged("state node vanished") }
        if written < epoch { try keep(number, epoch: epoch) }
        return number
    }

    /// Tells a running collection that `number` is in use again; it marks what is below when it comes there.
    private func keep(_ number: Int64, epoch: Int64) throws {
        try transaction.execute(
            "UPDATE state_nodes SET epoch = $2 WHERE node = $1", .integer(number), .integer(epoch))
    }

    private func node(_ number: Int64) throws -> StateNode {
        if let node = own?[number] ?? cache[number] { return node }
        let bytes = try transaction.first("SELECT body FROM state_nodes WHERE node = $1", .integer(number)) {
            $0.blob(0)
        }
        guard let bytes, let node = StateNode(encoded: bytes) else {
            throw StorageError.damaged("state node \(number) is missing or damaged")
        }
        if let own { own[number] = node } else { cache.insert(node, number) }
        return node
    }
}

/// The nodes in memory, shared by all transactions.
package final class StateNodeCache: Sendable {
    private let nodes: BoundedCache<Int64, StateNode>
    private let currentEpoch = Atomic<Int64>(0)

    /// - Parameter limit: How many bytes of nodes to hold, roughly.
    package init(limit: Int) { nodes = BoundedCache(limit: limit) }

    /// The running or latest collection of unreachable nodes (``StateCollector``).
    var epoch: Int64 {
        get { currentEpoch.load(ordering: .sequentiallyConsistent) }
        set { currentEpoch.store(newValue, ordering: .sequentiallyConsistent) }
    }

    subscript(number: Int64) -> StateNode? { nodes[number] }
    func insert(_ node: StateNode, _ number: Int64) {
        let bytes =
            switch node.body {
            case .leaf(let keys, _): 96 + keys.count * 16
            case .branch(_, _, let children): 96 + children.count * 8
            }
        nodes.insert(node, for: number, cost: bytes)
    }
    func remove(_ number: Int64) { nodes.remove(number) }
    /// How many nodes are in memory.
    var count: Int { nodes.count }
}
