/// The database can't be brought to this program's schema.
package enum MigrationError: Error, Hashable, CustomStringConvertible {
    /// A later version of the program has been here.
    case newerDatabase(version: Int, name: String, madeBy: String, newestKnown: Int)
    /// A migration failed and was rolled back; those before it stay.
    case failed(version: Int, name: String, SQLError)

    package var description: String {
        switch self {
        case .newerDatabase(let version, let name, let madeBy, let newestKnown):
            """
            the database has schema version \(version) (\(name)), made by \(madeBy), but this program knows versions \
            up to \(newestKnown); start \(madeBy) or later on it, or restore the backup from before that upgrade
            """
        case .failed(let version, let name, let error):
            "migration \(version) (\(name)) failed and was rolled back: \(error)"
        }
    }
}

/// Brings `database` to the last of `migrations`, each in a transaction of its own; does nothing if it is there
/// already.
///
/// Several processes may do this at the same time.
/// - Parameters:
///   - migrations: In order of version.
///   - madeBy: This program and its version, such as `"axolemma 0.1.0"`: noted beside each migration it runs.
/// - Throws: ``MigrationError``, or ``SQLError`` if the database can't be read.
package func migrate(
    _ database: any Database, _ migrations: [Migration], madeBy: String = "axolemma"
) async throws {
    precondition(
        zip(migrations, migrations.dropFirst()).allSatisfy { $0.version < $1.version },
        "migrations are in order of version")
    let applied = try await appliedMigrations(database)
    let newestKnown = migrations.last?.version ?? 0
    if let newest = applied.last, newest.version > newestKnown {
        throw MigrationError.newerDatabase(
            version: newest.version, name: newest.name, madeBy: newest.madeBy, newestKnown: newestKnown)
    }
    let done = Set(applied.map(\.version))
    for migration in migrations where !done.contains(migration.version) {
        do {
            try await write(database) { try apply(migration, to: $0, madeBy: madeBy) }
        } catch let error as SQLError {
            throw MigrationError.failed(version: migration.version, name: migration.name, error)
        }
    }
}

/// Waits as long as it takes another process to migrate, which may be longer than a transaction waits for its turn.
private func write<Value: Sendable>(
    _ database: any Database, _ body: @Sendable (Transaction) throws -> Value
) async throws -> Value {
    for _ in 1..<24 {
        do {
            return try await database.write(body)
        } catch let error as SQLError where error.kind == .busy {
            continue
        }
    }
    return try await database.write(body)
}

private struct AppliedMigration: Sendable {
    let version: Int
    let name: String
    let madeBy: String
}

/// What has been run on this database, in order of version.
private func appliedMigrations(_ database: any Database) async throws -> [AppliedMigration] {
    try await write(database) { transaction in
        try lock(transaction)
        try transaction.run(
            script: """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    version BIGINT NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    made_by TEXT NOT NULL,
                    applied_at TEXT NOT NULL DEFAULT (CAST(CURRENT_TIMESTAMP AS TEXT))
                )
                """)
        return try transaction.all("SELECT version, name, made_by FROM schema_migrations ORDER BY version") { row in
            AppliedMigration(version: Int(row.int(0)), name: row.text(1), madeBy: row.text(2))
        }
    }
}

private func apply(_ migration: Migration, to transaction: Transaction, madeBy: String) throws {
    try lock(transaction)
    let isDone = try transaction.first(
        "SELECT 1 FROM schema_migrations WHERE version = $1", .integer(Int64(migration.version))
    ) { _ in true }
    // Another process may have been faster.
    if isDone == true { return }
    try transaction.run(script: migration.script(for: transaction.engine))
    try transaction.execute(
        "INSERT INTO schema_migrations (version, name, made_by) VALUES ($1, $2, $3)",
        .integer(Int64(migration.version)), .text(migration.name), .text(madeBy))
}

/// Keeps other processes from migrating; on SQLite a write transaction does so by itself.
private func lock(_ transaction: Transaction) throws {
    guard transaction.engine == .postgresql else { return }
    // The number is arbitrary: "axolemma" in ASCII.
    try transaction.execute("SELECT pg_advisory_xact_lock(CAST(\(0x6178_6f6c_656d_6d61) AS BIGINT))")
}
