/// A transaction's view of the database, valid inside the closure it is passed to.
///
/// Not `Sendable`, so it can't leave. Statements are written once for both engines: `$1`-style parameters, used in any
/// order and as often as needed; `ON CONFLICT … DO UPDATE`; `RETURNING`. Write `CAST($1 AS BIGINT)`, never
/// `$1::bigint`.
package final class Transaction {
    package let engine: Engine
    private let connection: any Connection
    /// The statement error that doomed this transaction, as PostgreSQL has it; kept for SQLite too, so that both behave
    /// alike.
    private(set) var failure: SQLError?
    private(set) var commitActions: [@Sendable () -> Void] = []

    init(on connection: any Connection) {
        self.engine = connection.engine
        self.connection = connection
    }

    /// Runs a statement and returns how many rows it inserted, updated or deleted.
    @discardableResult
    package func execute(_ sql: String, _ values: SQLValue...) throws(SQLError) -> Int {
        try execute(sql, values: values)
    }

    /// Runs a statement and returns how many rows it inserted, updated or deleted.
    @discardableResult
    package func execute(_ sql: String, values: [SQLValue]) throws(SQLError) -> Int {
        try run(sql, values) { _ in true }
    }

    /// What `row` makes of each row, in order.
    @inlinable
    package func all<Value>(
        _ sql: String, _ values: SQLValue..., row: (borrowing Row) throws -> Value
    ) throws -> [Value] {
        try all(sql, values: values, row: row)
    }

    /// What `row` makes of each row, in order.
    @inlinable
    package func all<Value>(
        _ sql: String, values: [SQLValue], row: (borrowing Row) throws -> Value
    ) throws -> [Value] {
        var found: [Value] = []
        try forEach(sql, values: values) { next in
            found.append(try row(next))
            return true
        }
        return found
    }

    /// What `row` makes of the first row, or `nil` if there is none.
    @inlinable
    package func first<Value>(
        _ sql: String, _ values: SQLValue..., row: (borrowing Row) throws -> Value
    ) throws -> Value? {
        try first(sql, values: values, row: row)
    }

    /// What `row` makes of the first row, or `nil` if there is none.
    @inlinable
    package func first<Value>(
        _ sql: String, values: [SQLValue], row: (borrowing Row) throws -> Value
    ) throws -> Value? {
        var found: Value?
        try forEach(sql, values: values) { next in
            found = try row(next)
            return false
        }
        return found
    }

    /// Calls `row` for each row until it answers false.
    package func forEach(
        _ sql: String, _ values: SQLValue..., row: (borrowing Row) throws -> Bool
    ) throws {
        try forEach(sql, values: values, row: row)
    }

    /// Calls `row` for each row until it answers false.
    package func forEach(_ sql: String, values: [SQLValue], row: (borrowing Row) throws -> Bool) throws {
        var refusal: (any Error)?
        _ = try run(sql, values) { next in
            do {
                return try row(next)
            } catch {
                refusal = error
                return false
            }
        }
        if let refusal { throw refusal }
    }

    /// Runs a script of several statements without values.
    package func run(script: String) throws(SQLError) {
        if let failure { throw failure }
        do throws(SQLError) {
            try connection.run(script: script)
        } catch {
            failure = error
            throw error
        }
    }

    /// The comparison of a column with the list bound to `$parameter`: `"WHERE room IN (…)"` without the column.
    ///
    /// ```swift
    /// try transaction.all("SELECT name FROM rooms WHERE id \(transaction.among(1, .integers))", .integers(ids)) { … }
    /// ```
    package func among(_ parameter: Int, _ kind: ArrayKind) -> String {
        switch engine {
        case .sqlite:
            "IN (SELECT value FROM json_each($\(parameter)))"
        case .postgresql:
            "= ANY(CAST($\(parameter) AS \(kind == .integers ? "bigint" : "text")[]))"
        }
    }

    /// Runs `action` once the transaction is durable, in commit order, before ``Database/write(_:)`` returns.
    ///
    /// Never runs if the transaction, or the savepoint it was registered in, is rolled back. Runs on the thread all
    /// writes share, so it must be short and must not block. In a read, runs when the snapshot is closed.
    package func onCommit(_ action: @escaping @Sendable () -> Void) {
        commitActions.append(action)
    }

    /// Runs `body` so that, if it throws, what it did is undone and the transaction can go on.
    package func savepoint<Value>(_ body: () throws -> Value) throws -> Value {
        if let failure { throw failure }
        let actionCount = commitActions.count
        try connection.savepoint()
        do {
            let value = try body()
            if let failure { throw failure }
            try connection.releaseSavepoint()
            return value
        } catch {
            commitActions.removeSubrange(actionCount...)
            do throws(SQLError) {
                try connection.rollbackSavepoint()
                failure = nil
            } catch let broken {
                failure = broken
            }
            throw error
        }
    }

    private func run(_ sql: String, _ values: [SQLValue], row: (borrowing Row) -> Bool) throws(SQLError) -> Int {
        if let failure { throw failure }
        do throws(SQLError) {
            return try connection.run(sql, values, row: row)
        } catch {
            failure = error
            throw error
        }
    }
}
