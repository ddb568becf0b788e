import SQLEngine
import TestSupport
import Testing

struct MigrationTests {
    private static let first = Migration(
        version: 1, name: "make_things",
        sql: [
            "CREATE TABLE things (id {serial}, body {blob});",
            .sqlite("CREATE TABLE engine_notes (note TEXT); INSERT INTO engine_notes VALUES ('sqlite');"),
            .postgresql("CREATE TABLE engine_notes (note TEXT); INSERT INTO engine_notes VALUES ('postgresql');"),
        ])
    private static let second = Migration(
        version: 2, name: "make_more",
        sql: """
            CREATE TABLE links (source BIGINT NOT NULL, target BIGINT NOT NULL, PRIMARY KEY (source, target)) {clustered};
            CREATE TABLE keyed (id {id}, name TEXT);
            -- A comment; with a semicolon and a quote: '
            INSERT INTO keyed (id, name) VALUES (1, 'it''s; fine');
            """)

    @Test(arguments: Engine.available)
    func `migrations run once, in order, with each engine's words`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await migrate(database, [Self.first], madeBy: "axolemma 0.1")
            try await migrate(database, [Self.first, Self.second], madeBy: "axolemma 0.2")
            try await migrate(database, [Self.first, Self.second], madeBy: "axolemma 0.3")
            try await database.write { transaction in
                let note = try transaction.all("SELECT note FROM engine_notes") { $0.text(0) }
                #expect(note == [engine.rawValue])
                let history = try transaction.all(
                    "SELECT version, name, made_by, applied_at FROM schema_migrations ORDER BY version"
                ) { row in "\(row.int(0)) \(row.text(1)) \(row.text(2)) \(row.text(3).isEmpty)" }
                #expect(history == ["1 make_things axolemma 0.1 false", "2 make_more axolemma 0.2 false"])
                #expect(try transaction.all("SELECT name FROM keyed") { $0.text(0) } == ["it's; fine"])
                // Numbers are never used twice.
                let insert = "INSERT INTO things (body) VALUES ($1) RETURNING id"
                #expect(try transaction.first(insert, .blob([1])) { $0.int(0) } == 1)
                try transaction.execute("DELETE FROM things")
                #expect(try transaction.first(insert, .blob([2])) { $0.int(0) } == 2)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a trigger's inner semicolons don't end its statement`(_ engine: Engine) async throws {
        let migration = Migration(
            version: 1, name: "add_trigger",
            sql: [
                "CREATE TABLE a (n BIGINT); CREATE TABLE b (n BIGINT);",
                .sqlite(
                    """
                    CREATE TRIGGER t AFTER INSERT ON a BEGIN
                        INSERT INTO b VALUES (new.n);
                        INSERT INTO b VALUES (new.n + 1);
                    END;
                    """),
                .postgresql(
                    """
                    CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                        INSERT INTO b VALUES (new.n);
                        INSERT INTO b VALUES (new.n + 1);
                        RETURN new;
                    END $$;
                    CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION t();
                    """),
            ])
        try await withTemporaryDatabase(engine) { database in
            try await migrate(database, [migration])
            try await database.write { transaction in
                let changed = try transaction.execute("INSERT INTO a VALUES (5)")
                let copies = try transaction.all("SELECT n FROM b ORDER BY n") { $0.int(0) }
                #expect(changed == 1)
                #expect(copies == [5, 6])
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a migration that fails leaves nothing half done`(_ engine: Engine) async throws {
        let broken = Migration(version: 2, name: "break", sql: "CREATE TABLE half (id BIGINT); CREATE TABEL rest;")
        try await withTemporaryDatabase(engine) { database in
            let error = await #expect(throws: MigrationError.self) {
                try await migrate(database, [Self.first, broken])
            }
            guard case .failed(version: 2, name: "break", _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await migrate(database, [Self.first, Self.second])
            await #expect(throws: SQLError.self) {
                try await database.read { transaction in _ = try transaction.execute("SELECT * FROM half") }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a database from a newer version is refused with a way out`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await migrate(database, [Self.first, Self.second], madeBy: "axolemma 9.1.0")
            let error = await #expect(throws: MigrationError.self) {
                try await migrate(database, [Self.first], madeBy: "axolemma 0.1.0")
            }
            #expect(
                error == .newerDatabase(version: 2, name: "make_more", madeBy: "axolemma 9.1.0", newestKnown: 1))
            #expect(error?.description.contains("start axolemma 9.1.0 or later") == true)
        }
    }

    @Test(arguments: Engine.available)
    func `two processes that migrate at once do it once`(_ engine: Engine) async throws {
        try await withTemporaryPlace(engine) { place in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let database = try await place.open()
                        do {
                            try await migrate(database, [Self.first, Self.second])
                        } catch {
                            Issue.record("\(error)")
                        }
                        try await database.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test
    func `files are migrations by their names`() {
        let migrations = Migration.list(files: [
            ("0010_later.sql", "c"), ("0002_first.sqlite.sql", "b"), ("README.md", "x"), ("0002_first.sql", "a"),
            ("0002_first.postgres.sql", "p"),
        ])
        #expect(migrations.map(\.version) == [2, 10])
        #expect(migrations.map(\.name) == ["first", "later"])
        #expect(migrations[0].script(for: .sqlite) == "a\nb\n")
        #expect(migrations[0].script(for: .postgresql) == "a\np\n")
    }
}
