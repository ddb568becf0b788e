package import SQLEngine

/// Deletes the nodes of state tries that no room and no event reaches any more.
///
/// A collection has a number, its epoch. It first marks the roots that rooms, forward extremities and events name, by
/// writing the epoch to them; then it goes through all nodes from the newest to the oldest. A node is always newer than its
/// children, so when its turn comes, every node above it has had its own: it is marked by then, and its children are marked
/// in turn, or nothing reaches it, and it is deleted.
///
/// Rooms are written to all the while. What a transaction writes gets the epoch, as does a node that is written again
/// (``StateTree``). Whatever else a new state holds is below some root that rooms or events named before; so it is marked,
/// or will be when the nodes above it have their turn.
///
/// Each step is a short transaction that leaves all there is to know in the database: kill the server, and the next one
/// goes on.
package struct StateCollector: Sendable {
    package enum Progress: Hashable, Sendable {
        /// There is more to do.
        case working
        /// The collection is complete. The next step begins another.
        case finished(deleted: Int)
    }

    private let caches: StorageCaches
    /// How many rows a step reads and how many it writes, roughly.
    private let batch: Int

    package init(caches: StorageCaches, batch: Int = 256) {
        precondition(batch > 0, "a step must get somewhere")
        self.caches = caches
        self.batch = batch
    }

    /// Does a little, in one transaction; begins a collection if none is under way.
    package func step(database: any Database) async throws -> Progress {
        try await database.write { [nodes = caches.nodes, batch] transaction in
            try StateCollection(transaction, cache: nodes, batch: batch).advance()
        }
    }

    /// Brings a collection to its end, from wherever it is; returns how many nodes it deleted.
    ///
    /// - Parameter pause: Waits between two steps, so that the collection takes but a part of the database's time.
    package func run(database: any Database, pause: () async throws -> Void) async throws -> Int {
        while true {
            if case .finished(let deleted) = try await step(database: database) { return deleted }
            try await pause()
        }
    }
}

extension RoomStores {
    /// Takes note of the collection of state nodes that the last server left unfinished.
    ///
    /// Call it at start-up, before anything is written; else that collection begins anew.
    package func resumeStateCollection() throws {
        let epoch = try transaction.first("SELECT epoch FROM state_collection") { $0.int(0) }
        if let epoch { caches.nodes.epoch = epoch }
    }
}

/// One step of a collection.
private struct StateCollection {
    private enum Phase: Int64 {
        case rest = 0
        case rooms = 1
        case events = 2
        case sweep = 3
    }

    private struct State {
        var epoch: Int64 = 0
        var phase = Phase.rest
        /// The last room, event or node that had its turn.
        var reached: Int64 = 0
        var deleted: Int64 = 0
    }

    private let transaction: Transaction
    private let cache: StateNodeCache
    private let batch: Int

    init(_ transaction: Transaction, cache: StateNodeCache, batch: Int) {
        self.transaction = transaction
        self.cache = cache
        self.batch = batch
    }

    func advance() throws -> StateCollector.Progress {
        var state = try load()
        // Writers that knew nothing of a collection under way have told it nothing.
        if state.phase == .rest || state.epoch != cache.epoch {
            state = begin(after: state)
        } else {
            switch state.phase {
            case .rest: break
            case .rooms: try markRooms(&state)
            case .events: try markEvents(&state)
            case .sweep: try sweep(&state)
            }
        }
        try save(state)
        return state.phase == .rest ? .finished(deleted: Int(state.deleted)) : .working
    }

    private func load() throws -> State {
        let row = try transaction.first("SELECT epoch, phase, reached, deleted FROM state_collection") {
            ($0.int(0), $0.int(1), $0.int(2), $0.int(3))
        }
        guard let (epoch, code, reached, deleted) = row else { return State() }
        guard let phase = Phase(rawValue: code) else {
            throw StorageError.damaged("collection phase \(code) is unknown")
        }
        return State(epoch: epoch, phase: phase, reached: reached, deleted: deleted)
    }

    private func save(_ state: State) throws {
        try transaction.execute(
            """
            INSERT INTO state_collection (id, epoch, phase, reached, deleted) VALUES (1, $1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE SET epoch = $1, phase = $2, reached = $3, deleted = $4
            """, .integer(state.epoch), .integer(state.phase.rawValue), .integer(state.reached), .integer(state.deleted)
        )
    }

    /// The next steps are in later transactions, so all that was written before the writers knew the epoch is found by
    /// them.
    private func begin(after state: State) -> State {
        let epoch = max(state.epoch, cache.epoch) + 1
        transaction.onCommit { [cache] in cache.epoch = epoch }
        return State(epoch: epoch, phase: .rooms)
    }

    // MARK: Marking

    /// Before events: a root that leaves a room's row or an extremity's is in an event's by then.
    private func markRooms(_ state: inout State) throws {
        let rooms = try transaction.all(
            "SELECT room, state_root FROM rooms WHERE room > $1 ORDER BY room LIMIT $2",
            .integer(state.reached), .integer(Int64(batch))
        ) { (room: $0.int(0), root: $0.int(1)) }
        guard let last = rooms.last?.room else {
            (state.phase, state.reached) = (.events, 0)
            return
        }
        let tips = try transaction.all(
            "SELECT DISTINCT state FROM forward_extremities WHERE room > $1 AND room <= $2",
            .integer(state.reached), .integer(last)
        ) { $0.int(0) }
        try mark(Set(rooms.map(\.root) + tips), state.epoch)
        state.reached = last
    }

    private func markEvents(_ state: inout State) throws {
        // Most events share their roots with those beside them.
        let events = try transaction.all(
            "SELECT event, state_before, room_state FROM events WHERE event > $1 ORDER BY event LIMIT $2",
            .integer(state.reached), .integer(Int64(batch) * 4)
        ) { (event: $0.int(0), roots: ($0.optionalInt(1) ?? 0, $0.optionalInt(2) ?? 0)) }
        guard let last = events.last?.event else {
            (state.phase, state.reached) = (.sweep, .max)
            return
        }
        var roots: Set<Int64> = []
        for event in events {
            roots.insert(event.roots.0)
            roots.insert(event.roots.1)
        }
        try mark(roots, state.epoch)
        state.reached = last
    }

    private func mark(_ nodes: Set<Int64>, _ epoch: Int64) throws {
        guard !nodes.isEmpty else { return }
        try transaction.execute(
            "UPDATE state_nodes SET epoch = $2 WHERE node \(transaction.among(1, .integers)) AND epoch < $2",
            .integers(Array(nodes)), .integer(epoch))
    }

    // MARK: Sweeping

    private func sweep(_ state: inout State) throws {
        let nodes = try transaction.all(
            "SELECT node, epoch, body FROM state_nodes WHERE node < $1 ORDER BY node DESC LIMIT $2",
            .integer(state.reached), .integer(Int64(batch))
        ) { (number: $0.int(0), epoch: $0.int(1), body: $0.blob(2)) }
        guard !nodes.isEmpty else {
            (state.phase, state.reached) = (.rest, 0)
            return
        }
        var inUse: Set<Int64> = []
        var unreachable: [Int64] = []
        for node in nodes {
            state.reached = node.number
            if node.epoch >= state.epoch || inUse.contains(node.number) {
                guard let decoded = StateNode(encoded: node.body) else {
                    throw StorageError.damaged("state node \(node.number) is damaged")
                }
                if case .branch(_, _, let children) = decoded.body { inUse.formUnion(children) }
            } else {
                unreachable.append(node.number)
            }
            if inUse.count > batch * 4 { break }
        }
        try mark(inUse, state.epoch)
        try delete(unreachable)
        state.deleted += Int64(unreachable.count)
    }

    private func delete(_ nodes: [Int64]) throws {
        guard !nodes.isEmpty else { return }
        try transaction.execute(
            "DELETE FROM state_nodes WHERE node \(transaction.among(1, .integers))", .integers(nodes))
        // Their numbers are not given again, so a reader that puts one back does no harm.
        transaction.onCommit { [cache] in for node in nodes { cache.remove(node) } }
    }
}
