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
        } catch {
            try? await pool.close()
            throw error
        }
        return pool
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
