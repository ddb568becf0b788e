import Foundation
import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

@testable import Homeserver

@Suite struct ModuleTablesTests {
    @Test(arguments: Engine.available)
    func `a module's tables keep every kind of value`(engine: Engine) async throws {
        try await withTables(engine) { tables, _ in
            #expect(tables.engine.rawValue == engine.rawValue)
            let blob = engine == .sqlite ? "BLOB" : "BYTEA"
            try await tables.migrate(
                "notes",
                [
                    ModuleMigration(
                        "first",
                        "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT, weight DOUBLE PRECISION, raw \(blob))",
                        "CREATE INDEX notes_by_body ON notes (body); CREATE INDEX notes_by_weight ON notes (weight)")
                ])
            let row: [ModuleSQLValue] = [1, "text é", .real(1.5), .blob([0, 255])]
            let changed = try await tables.write { transaction in
                [
                    try transaction.execute("INSERT INTO notes VALUES ($1, $2, $3, $4)", row),
                    try transaction.execute("INSERT INTO notes VALUES ($1, $2, NULL, NULL)", 2, nil),
                ]
            }
            #expect(changed == [1, 1])
            let rows = try await tables.read { try $0.rows("SELECT id, body, weight, raw FROM notes ORDER BY id") }
            #expect(rows == [ModuleRow(row), ModuleRow([2, nil, nil, nil])])
            #expect(rows[0].text(1) == "text é")
            #expect(rows[0].integer(0) == 1)
            let sum = try await tables.read { try $0.first("SELECT SUM(id), COUNT(*) FROM notes") }
            #expect(sum == ModuleRow([3, 2]))
        }
    }

    @Test(arguments: Engine.available)
    func `what throws leaves nothing behind`(engine: Engine) async throws {
        struct Refusal: Error {}
        try await withTables(engine) { tables, _ in
            _ = try await tables.write { try $0.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY)") }
            await #expect(throws: Refusal.self) {
                try await tables.write { transaction in
                    try transaction.execute("INSERT INTO notes VALUES (1)")
                    throw Refusal()
                }
            }
            let found1 = try await tables.read { try $0.first("SELECT COUNT(*) FROM notes") }
            #expect(found1 == ModuleRow([0]))
        }
    }

    @Test(arguments: Engine.available)
    func `a migration runs once, also after a restart`(engine: Engine) async throws {
        try await withTables(engine) { tables, place in
            let first = ModuleMigration("1", "CREATE TABLE notes (id BIGINT)", "INSERT INTO notes VALUES (1)")
            let second = ModuleMigration("2", "INSERT INTO notes VALUES (2)")
            try await tables.migrate("notes", [first])
            try await tables.migrate("notes", [first, second])
            let again = ModuleTables(place)
            try await again.migrate("notes", [first, second])
            try await again.migrate("other", [ModuleMigration("1", "CREATE TABLE other (id BIGINT)")])
            let found = try await again.read { try $0.rows("SELECT id FROM notes ORDER BY id") }
            try await again.close()
            #expect(found == [ModuleRow([1]), ModuleRow([2])])
            await #expect(throws: ModuleError.self) { try await tables.migrate("notes", [first, first]) }
            // One that fails leaves no trace, and runs again.
            let broken = ModuleMigration("3", "INSERT INTO notes VALUES (3)", "NONSENSE")
            await #expect(throws: (any Error).self) { try await tables.migrate("notes", [broken]) }
            try await tables.migrate("notes", [ModuleMigration("3", "INSERT INTO notes VALUES (3)")])
            let found2 = try await tables.read { try $0.first("SELECT COUNT(*) FROM notes") }
            #expect(found2 == ModuleRow([3]))
        }
    }

    @Test(arguments: Engine.available)
    func `the server's data is read under Synapse's names, and not written`(engine: Engine) async throws {
        try await withTables(engine) { tables, _ in
            let users = "SELECT name, creation_ts FROM users"
            let expected = [ModuleRow(["@alice:example.org", 1_234])]
            let found3 = try await tables.read { try $0.rows(users) }
            #expect(found3 == expected)
            let found4 = try await tables.write { try $0.rows(users) }
            #expect(found4 == expected)
            let writes = [
                "UPDATE users SET admin = 1", "INSERT INTO users (name) VALUES ('@x:y')", "DELETE FROM users",
                "INSERT INTO users (name) VALUES ('@x:y') ON CONFLICT DO NOTHING",
            ]
            for statement in writes {
                await #expect(throws: ModuleError.self, "\(statement)") {
                    try await tables.write { try $0.execute(statement) }
                }
            }
            if engine == .sqlite {
                let error = await #expect(throws: ModuleError.self) {
                    try await tables.write { try $0.execute("UPDATE server.users SET admin = 1") }
                }
                #expect(error.map { "\($0)".contains("ModuleContext") } == true)
            }
            let found5 = try await tables.read { try $0.rows(users) }
            #expect(found5 == expected)
        }
    }

    @Test(arguments: Engine.available)
    func `a module's own table comes before a view of the same name`(engine: Engine) async throws {
        try await withTables(engine) { tables, place in
            try await tables.write { transaction in
                try transaction.execute("CREATE TABLE devices (label TEXT)")
                try transaction.execute("INSERT INTO devices (label) VALUES ('mine')")
            }
            let label = "SELECT label FROM devices"
            let found6 = try await tables.read { try $0.rows(label) }
            #expect(found6 == [ModuleRow(["mine"])])
            let again = ModuleTables(place)
            let found = try await again.read { try $0.rows(label) }
            try await again.close()
            #expect(found == [ModuleRow(["mine"])])
        }
    }

    @Test(arguments: Engine.available)
    func `nothing is opened before it is needed, nor after it was closed`(engine: Engine) async throws {
        try await withTables(engine) { tables, place in
            if case .sqlite(_, let modules, _) = place {
                #expect(!FileManager.default.fileExists(atPath: modules))
            }
            try await tables.close()
            await #expect(throws: ModuleError.self) { try await tables.read { try $0.rows("SELECT 1") } }
        }
    }

    @Test(arguments: Engine.available)
    func `a host in another language is told how to open the same tables`(engine: Engine) async throws {
        try await withTables(engine) { _, place in
            let description = place.hostDescription
            #expect(description.object("database")?.string("engine") == engine.rawValue)
            switch place {
            case .sqlite(let server, let modules, _):
                #expect(description.object("database")?.string("server") == server)
                #expect(description.object("database")?.string("modules") == modules)
            case .postgresql(let parameters, _):
                let dsn = try #require(description.object("database")?.string("dsn"))
                #expect(try PostgresParameters(connectionString: dsn).database == parameters.database)
            }
        }
    }
}

/// Passes the tables of modules beside a server's database with one user, who is no administrator.
private func withTables(
    _ engine: Engine, _ body: (ModuleTables, ModuleTablesPlace) async throws -> Void
) async throws {
    try await withTemporaryPlace(engine) { temporary in
        let database = try await temporary.open()
        do {
            try await migrate(database, Schema.migrations)
            _ = try await database.write { transaction in
                try transaction.execute(
                    "INSERT INTO users (name, creation_ts) VALUES ('@alice:example.org', 1234567)")
            }
            let place: ModuleTablesPlace
            if let path = temporary.path {
                place = .beside(path)
            } else {
                place = try await .within(database, #require(temporary.parameters))
            }
            let tables = ModuleTables(place)
            do {
                try await body(tables, place)
            } catch {
                try await tables.close()
                throw error
            }
            try await tables.close()
        } catch {
            try await database.close()
            throw error
        }
        try await database.close()
    }
}
