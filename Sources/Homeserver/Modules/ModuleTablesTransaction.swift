import ModuleAPI
import SQLEngine
import Storage

/// A transaction on the tables of modules.
struct ModuleTablesTransaction: ModuleTransaction {
    private let transaction: Transaction

    init(_ transaction: Transaction) throws {
        self.transaction = transaction
        try uncoverOwnTables()
    }

    var isPostgres: Bool { transaction.engine == .postgresql }

    @discardableResult
    func execute(_ sql: String, _ values: [ModuleSQLValue]) throws -> Int {
        do throws(SQLError) {
            let count = try transaction.execute(sql, values: values.map(\.sqlValue))
            if changesSchema(sql) { try uncoverOwnTables() }
            return count
        } catch {
            throw Self.explain(error)
        }
    }

    func rows(_ sql: String, _ values: [ModuleSQLValue]) throws -> [ModuleRow] {
        do {
            return try transaction.all(sql, values: values.map(\.sqlValue)) { row in
                ModuleRow((0..<row.columnCount).map { ModuleSQLValue(row.value($0)) })
            }
        } catch let error as SQLError {
            throw Self.explain(error)
        }
    }

    /// Runs statements without values, separated by `;`.
    func run(script: String) throws {
        do throws(SQLError) {
            try transaction.run(script: script)
            try uncoverOwnTables()
        } catch {
            throw Self.explain(error)
        }
    }

    private func changesSchema(_ sql: String) -> Bool {
        let word = sql.utf8.drop { $0 <= 0x20 }.prefix { $0 > 0x20 }
        return ["CREATE", "ALTER"].contains(String(Substring(word)).uppercased())
    }

    /// Removes the views whose names modules gave to tables of their own: SQLite would find the view first.
    private func uncoverOwnTables() throws(SQLError) {
        guard transaction.engine == .sqlite else { return }
        let covered: [String]
        do {
            covered = try transaction.all(
                """
                SELECT v.name FROM temp.sqlite_master v JOIN main.sqlite_master m ON m.name = v.name COLLATE NOCASE
                WHERE v.type = 'view' AND m.type IN ('table', 'view')
                """
            ) { $0.text(0) }
        } catch let error as SQLError {
            throw error
        } catch {
            throw SQLError(.other, "\(error)")
        }
        for name in covered {
            try transaction.run(script: "DROP VIEW temp.\"\(name.replacing("\"", with: "\"\""))\"")
        }
    }

    /// Tells a write to the server's data from other failures.
    private static func explain(_ error: SQLError) -> any Error {
        let refusals = [
            "shows the server's own data", "readonly database", "because it is a view", "cannot UPSERT a view",
        ]
        guard let refusal = refusals.first(where: error.message.contains) else { return error }
        if refusal == refusals[0] { return ModuleError.invalid(error.message) }
        return ModuleError.invalid("\(error.message): the server's own data is changed through ModuleContext only")
    }
}

extension ModuleSQLValue {
    fileprivate var sqlValue: SQLValue {
        switch self {
        case .null: .null
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .text(let value): .text(value)
        case .blob(let value): .blob(value)
        }
    }

    fileprivate init(_ value: SQLValue) {
        self =
            switch value {
            case .integer(let value): .integer(value)
            case .real(let value): .real(value)
            case .text(let value): .text(value)
            case .blob(let value): .blob(value)
            case .null, .integers, .texts: .null
            }
    }
}
