package import Logging

/// PostgreSQL 13 or later through libpq.
package enum PostgresDatabase {
    /// Connects to a server.
    ///
    /// Lost connections are opened again when they are next needed. Calls that were under way get
    /// ``SQLError/Kind/connectionLost``, or ``SQLError/Kind/outcomeUnknown`` if the loss came during `COMMIT`.
    /// - Throws: ``SQLError`` if the server can't be reached, or if the server or the database doesn't suit.
    package static func open(
        _ parameters: PostgresParameters, logger: Logger = Logger(label: "axolemma.postgresql")
    ) async throws -> any Database {
        let pool = ConnectionPool(
            engine: .postgresql,
            readerLimit: parameters.connectionLimit - 1,
            connect: { _ throws(SQLError) in try PostgresConnection(parameters, logger: logger) })
        do {
            try await pool.write { _ in }
            if let schema = parameters.schema { try await make(schema, in: pool) }
        } catch {
            try? await pool.close()
            throw error
        }
        return pool
    }

    /// Makes the schema for the tables of a database that has none of ours yet.
    ///
    /// One who may not make it goes on in the schema there is.
    private static func make(_ schema: String, in database: any Database) async throws {
        try await database.write { transaction in
            let isWanted = try transaction.first(
                """
                SELECT to_regclass('schema_migrations') IS NULL AND to_regnamespace(CAST($1 AS TEXT)) IS NULL
                AND current_setting('search_path') LIKE CAST($1 AS TEXT) || ', %'
                AND has_database_privilege(current_database(), 'CREATE')
                """, .text(schema)
            ) { $0.bool(0) }
            guard isWanted == true else { return }
            try transaction.execute("SELECT pg_advisory_xact_lock(CAST(\(0x7363_6865_6d61) AS BIGINT))")
            try transaction.execute("CREATE SCHEMA IF NOT EXISTS \(schema)")
        }
    }

    /// Runs one command outside a transaction, as `CREATE DATABASE` needs it.
    package static func administer(_ parameters: PostgresParameters, _ command: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            startThread(named: "sql-administer") {
                do {
                    let connection = try PostgresConnection(parameters, logger: Logger(label: "axolemma.postgresql"))
                    defer { connection.close() }
                    try connection.run(script: command)
                    continuation.resume()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
