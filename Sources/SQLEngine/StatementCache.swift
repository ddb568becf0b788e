/// A prepared statement as its connection's cache sees it.
class CachedStatement {
    /// True while its rows are being read: it may not be run again or thrown away.
    final var isInUse = false
    fileprivate final var lastUse: UInt64 = 0
}

/// A connection's prepared statements by their text.
struct StatementCache<Statement: CachedStatement> {
    private let capacity: Int
    private var statements: [StatementKey: Statement] = [:]
    private var clock: UInt64 = 0

    init(capacity: Int = 512) {
        self.capacity = capacity
    }

    mutating func statement(for sql: String) -> Statement? {
        guard let statement = statements[StatementKey(sql: sql)] else { return nil }
        clock += 1
        statement.lastUse = clock
        return statement
    }

    /// Adds a statement. If the cache was full, gives back the half that was used longest ago, for the caller to
    /// dispose of.
    mutating func insert(_ statement: Statement, for sql: String) -> [Statement] {
        var evicted: [Statement] = []
        if statements.count >= capacity {
            let oldest = statements.filter { !$0.value.isInUse }.sorted { $0.value.lastUse < $1.value.lastUse }
            for (key, statement) in oldest.prefix(capacity / 2) {
                statements[key] = nil
                evicted.append(statement)
            }
        }
        clock += 1
        statement.lastUse = clock
        statements[StatementKey(sql: sql)] = statement
        return evicted
    }

    mutating func remove(_ sql: String) {
        statements[StatementKey(sql: sql)] = nil
    }

    mutating func removeAll() -> [Statement] {
        defer { statements = [:] }
        return Array(statements.values)
    }
}

/// A statement's text, hashed by its length and a few of its bytes.
///
/// Every statement run looks itself up, and hashing all of its text would cost a good part of running it. Texts come
/// from our own source, so nobody can choose them to collide.
private struct StatementKey: Hashable {
    let sql: String

    func hash(into hasher: inout Hasher) {
        let utf8 = sql.utf8
        hasher.combine(utf8.count)
        utf8.withContiguousStorageIfAvailable { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            guard bytes.count >= 32 else {
                hasher.combine(bytes: bytes)
                return
            }
            var mixed: UInt64 = 0
            for part in 1...4 {
                let word = bytes.loadUnaligned(fromByteOffset: (bytes.count - 8) * part / 4, as: UInt64.self)
                mixed = (mixed ^ word) &* 0x9e37_79b9_7f4a_7c15
            }
            hasher.combine(mixed)
        }
    }
}
