public import ModuleAPI
import Synchronization

/// Tables that are not there: statements are recorded, and queries answered as the test says.
///
/// It understands no SQL. Test statements that are more than a line against a real server.
public final class TestDatabase: ModuleDatabase {
    /// A statement that a module ran.
    public struct Statement: Hashable, Sendable {
        public var sql: String
        public var values: [ModuleSQLValue]

        public init(_ sql: String, _ values: [ModuleSQLValue] = []) {
            self.sql = sql
            self.values = values
        }
    }

    private struct State {
        var statements: [Statement] = []
        var migrations: [String: [ModuleMigration]] = [:]
        var answer: (@Sendable (Statement) throws -> [ModuleRow])?
    }

    private let contents = Mutex(State())

    init() {}

    // MARK: For the test

    /// What modules ran, in order, failed transactions left out.
    public var statements: [Statement] { contents.withLock { $0.statements } }

    /// The migrations that were run, by module.
    public var migrations: [String: [ModuleMigration]] { contents.withLock { $0.migrations } }

    /// Answers queries with what `body` gives; without one they have no rows.
    public func answer(_ body: @escaping @Sendable (Statement) throws -> [ModuleRow]) {
        contents.withLock { $0.answer = body }
    }

    // MARK: ModuleDatabase

    public var engine: ModuleDatabaseEngine { .sqlite }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value { try run(body) }

    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value { try run(body) }

    public func migrate(_ module: String, _ migrations: [ModuleMigration]) async throws {
        contents.withLock { state in
            let known = Set((state.migrations[module] ?? []).map(\.name))
            state.migrations[module, default: []] += migrations.filter { !known.contains($0.name) }
        }
    }

    private func run<Value>(_ body: (any ModuleTransaction) throws -> Value) throws -> Value {
        let transaction = Transaction(answer: contents.withLock { $0.answer })
        let value = try body(transaction)
        contents.withLock { $0.statements += transaction.statements }
        return value
    }

    private final class Transaction: ModuleTransaction {
        var statements: [Statement] = []
        let answer: (@Sendable (Statement) throws -> [ModuleRow])?

        init(answer: (@Sendable (Statement) throws -> [ModuleRow])?) { self.answer = answer }

        func execute(_ sql: String, _ values: [ModuleSQLValue]) throws -> Int {
            statements.append(Statement(sql, values))
            return 1
        }

        func rows(_ sql: String, _ values: [ModuleSQLValue]) throws -> [ModuleRow] {
            let statement = Statement(sql, values)
            statements.append(statement)
            return try answer?(statement) ?? []
        }
    }
}
