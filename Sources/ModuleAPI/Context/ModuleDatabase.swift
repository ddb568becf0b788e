/// A module's own tables.
///
/// They lie apart from the server's, so that a module's transaction never holds the server up: in `modules.db` beside an
/// SQLite database, in the schema `modules` of PostgreSQL. A module sees its own tables and, read-only, the server's through
/// views with Synapse's names (docs/modules/database.md). All modules share them: begin names with the module's own.
///
/// A transaction is a synchronous closure: it holds no `await`, and runs on the database's own threads. Parameters are
/// written `$1`, `$2`, … on both engines.
public protocol ModuleDatabase: Sendable {
    /// The software behind the tables, for the few statements that differ.
    var engine: ModuleDatabaseEngine { get }

    /// Runs `body` on one snapshot of what is committed.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value

    /// Runs `body` in one transaction; what it wrote is durable when this returns, and gone if it throws.
    ///
    /// It may run again if the database asks for that, so it must have no effects but those on the transaction.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value

    /// Runs those migrations of a module that have not run yet, in order, each in a transaction of its own.
    ///
    /// Call it in the initializer. Never change a migration once a version of the module with it was in use.
    /// - Parameter module: The name under which is remembered what has run.
    func migrate(_ module: String, _ migrations: [ModuleMigration]) async throws
}

public enum ModuleDatabaseEngine: String, Hashable, Sendable {
    case sqlite, postgresql
}

/// A step in the history of a module's tables.
public struct ModuleMigration: Hashable, Sendable {
    public var name: String
    /// Statements, one after the other; the same for both engines.
    public var statements: [String]

    public init(_ name: String, _ statements: String...) {
        self.name = name
        self.statements = statements
    }
}

/// The inside of a transaction. It must not be kept beyond the closure.
public protocol ModuleTransaction {
    /// Runs a statement that changes something.
    /// - Returns: How many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ values: [ModuleSQLValue]) throws -> Int

    /// Runs a query and returns its rows.
    func rows(_ sql: String, _ values: [ModuleSQLValue]) throws -> [ModuleRow]
}

extension ModuleTransaction {
    @discardableResult
    public func execute(_ sql: String, _ values: ModuleSQLValue...) throws -> Int { try execute(sql, values) }

    public func rows(_ sql: String, _ values: ModuleSQLValue...) throws -> [ModuleRow] { try rows(sql, values) }

    /// The first row of a query; `nil` if it has none.
    public func first(_ sql: String, _ values: ModuleSQLValue...) throws -> ModuleRow? {
        try rows(sql, values).first
    }
}

/// A value in a table.
public enum ModuleSQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

extension ModuleSQLValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    public init(nilLiteral: ()) { self = .null }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .text(value) }
}

/// A row of a query's result.
public struct ModuleRow: Hashable, Sendable {
    public let values: [ModuleSQLValue]

    public init(_ values: [ModuleSQLValue]) { self.values = values }

    /// The value of a column, counted from 0; null beyond the last.
    public subscript(column: Int) -> ModuleSQLValue { values.indices.contains(column) ? values[column] : .null }

    /// A column as text; `nil` for null and all else.
    public func text(_ column: Int) -> String? { if case .text(let text) = self[column] { text } else { nil } }

    /// A column as an integer; `nil` for null and all else.
    public func integer(_ column: Int) -> Int64? { if case .integer(let value) = self[column] { value } else { nil } }
}
