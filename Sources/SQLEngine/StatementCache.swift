/// A prepared statement as its connection's cache sees it.
class CachedStatement {
    /// True while its rows are being read: it may not be run again or thrown away.
    final var isInUse = false
    fileprivate final var lastUse: UInt64 = 0
}

/// A connection's prepared statements by their text.
struct StatementCache<Statement: CachedStatement> {
    private let capacity: Int
    private var statements: [String: Statement] = [:]
    private var clock: UInt64 = 0

    init(capacity: Int = 512) {
        self.capacity = capacity
    }

    mutating func statement(for sql: String) -> Statement? {
        guard let statement = statements[sql] else { return nil }
        clock += 1
        statement.lastUse = clock
        return statement
    }

    /// Adds a statement. If the cache was full, gives back the half that was used longest ago, for the caller to dispose of.
    mutating func insert(_ statement: Statement, for sql: String) -> [Statement] {
        var evicted: [Statement] = []
        if statements.count >= capacity {
            let oldest = statements.filter { !$0.value.isInUse }.sorted { $0.value.lastUse < $1.value.lastUse }
            for (sql, statement) in oldest.prefix(capacity / 2) {
                statements[sql] = nil
                evicted.append(statement)
            }
        }
        clock += 1
        statement.lastUse = clock
        statements[sql] = statement
        return evicted
    }

    mutating func remove(_ sql: String) {
        statements[sql] = nil
    }

    mutating func removeAll() -> [Statement] {
        defer { statements = [:] }
        return Array(statements.values)
    }
}
