import SQLEngine
import TestSupport
import Testing

@Suite(.enabled(if: Engine.available.contains(.postgresql)))
struct PostgresSchemaTests {
    private static let migrations = [Migration(version: 1, name: "one", sql: "CREATE TABLE one (id BIGINT)")]
    private static let place = """
        SELECT CAST(CAST(relnamespace AS regnamespace) AS text) FROM pg_class WHERE oid = to_regclass('one')
        """

    @Test func `a new database gets its tables in the schema that is asked for`() async throws {
        try await withTemporaryPlace(.postgresql) { place in
            var parameters = try #require(place.parameters)
            parameters.schema = "axolemma"
            // The second time all is there.
            for _ in 1...2 {
                #expect(try await schemaOfTable(parameters, migrating: true) == "axolemma")
            }
        }
    }

    @Test func `a database that has tables elsewhere keeps them there`() async throws {
        try await withTemporaryPlace(.postgresql) { place in
            var parameters = try #require(place.parameters)
            #expect(try await schemaOfTable(parameters, migrating: true) == "public")
            parameters.schema = "axolemma"
            #expect(try await schemaOfTable(parameters, migrating: true) == "public")
        }
    }

    @Test func `schemas that the operator chose are left alone`() async throws {
        try await withTemporaryPlace(.postgresql) { place in
            var parameters = try #require(place.parameters)
            try await withDatabase(parameters) { database in
                try await database.write { transaction in
                    try transaction.run(
                        script: """
                            CREATE SCHEMA own;
                            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path TO own', current_database());
                            END $$;
                            """)
                }
            }
            parameters.schema = "axolemma"
            #expect(try await schemaOfTable(parameters, migrating: true) == "own")
        }
    }

    @Test func `a search path is taken as it is given`() async throws {
        try await withTemporaryPlace(.postgresql) { place in
            var parameters = try #require(place.parameters)
            parameters.searchPath = ["a \"quoted\" name", "public"]
            try await withDatabase(parameters) { database in
                let path = try await database.read { transaction in
                    try transaction.first("SELECT current_setting('search_path')") { $0.text(0) }
                }
                #expect(path == "\"a \"\"quoted\"\" name\", public")
            }
        }
    }

    @Test func `a result's values are what they are`() async throws {
        try await withTemporaryDatabase(.postgresql) { database in
            let values = try await database.read { transaction in
                try transaction.first(
                    """
                    SELECT 1, CAST(2 AS SMALLINT), true, 1.5, CAST(7 AS NUMERIC), CAST('{}' AS JSON),
                    CAST('{"a": 1}' AS JSONB), CAST('x' AS VARCHAR), CAST('\\x00ff' AS BYTEA), NULL
                    """
                ) { row in (0..<row.columnCount).map { row.value($0) } }
            }
            #expect(
                values == [1, 2, 1, .real(1.5), 7, "{}", "{\"a\": 1}", "x", .blob([0, 255]), nil])
        }
    }

    private func schemaOfTable(_ parameters: PostgresParameters, migrating: Bool) async throws -> String? {
        try await withDatabase(parameters) { database in
            if migrating { try await migrate(database, Self.migrations) }
            return try await database.read { try $0.first(Self.place) { $0.text(0) } }
        }
    }
}

private func withDatabase<Value>(
    _ parameters: PostgresParameters, _ body: (any Database) async throws -> Value
) async throws -> Value {
    let database = try await PostgresDatabase.open(parameters)
    do {
        let value = try await body(database)
        try await database.close()
        return value
    } catch {
        try await database.close()
        throw error
    }
}
