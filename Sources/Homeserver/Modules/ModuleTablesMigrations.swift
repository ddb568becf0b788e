package import ModuleAPI
import SQLEngine

/// The history of each module's tables.
extension ModuleTables {
    /// Remembers what has run. Both engines take this text.
    private static let table = """
        CREATE TABLE IF NOT EXISTS axolemma_module_migrations (
            module TEXT NOT NULL,
            name TEXT NOT NULL,
            applied_at TEXT NOT NULL DEFAULT (CAST(CURRENT_TIMESTAMP AS TEXT)),
            PRIMARY KEY (module, name)
        )
        """

    package func migrate(_ module: String, _ migrations: [ModuleMigration]) async throws {
        guard Set(migrations.map(\.name)).count == migrations.count else {
            throw ModuleError.invalid("two migrations of \(module) have the same name")
        }
        try await write { transaction in
            try Self.lock(transaction)
            try transaction.execute(Self.table)
        }
        for migration in migrations {
            try await write { transaction in
                try Self.lock(transaction)
                let insertion = try transaction.execute(
                    """
                    INSERT INTO axolemma_module_migrations (module, name) VALUES ($1, $2) ON CONFLICT DO NOTHING
                    """, .text(module), .text(migration.name))
                guard insertion == 1 else { return }
                for statement in migration.statements { try Self.run(statement, transaction) }
            }
        }
    }

    private static func run(_ statement: String, _ transaction: any ModuleTransaction) throws {
        if let transaction = transaction as? ModuleTablesTransaction {
            try transaction.run(script: statement)
        } else {
            try transaction.execute(statement)
        }
    }

    /// Keeps other processes from migrating; on SQLite a write transaction does so by itself.
    private static func lock(_ transaction: any ModuleTransaction) throws {
        guard let transaction = transaction as? ModuleTablesTransaction else { return }
        try transaction.lockMigrations()
    }
}

extension ModuleTablesTransaction {
    fileprivate func lockMigrations() throws {
        guard isPostgres else { return }
        // The number is arbitrary: "modules" in ASCII, and one more.
        _ = try rows("SELECT pg_advisory_xact_lock(CAST(\(0x6d6f_6475_6c65_74) AS BIGINT))", [])
    }
}
