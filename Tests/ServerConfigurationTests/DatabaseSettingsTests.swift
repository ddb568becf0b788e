import Testing

@testable import ServerConfiguration

@Suite struct DatabaseSettingsTests {
    @Test func `SQLite has a file and how surely it is written`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + "database: {name: sqlite3, args: {database: /data/h.db, synchronous: NORMAL, cp_min: 1}}\n")
        #expect(configuration.database == .sqlite(SQLiteSettings(path: "/data/h.db", synchronous: .normal)))
        #expect(configuration.dataDirectory == "/data")
        #expect(configuration.warnings == [])
        #expect(faults(minimal + "database: {name: sqlite3, args: {synchronous: OFF}}\n").count == 1)
    }

    @Test func `PostgreSQL takes psycopg2's arguments`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                database:
                  name: psycopg2
                  txn_limit: 10000
                  allow_unsafe_locale: true
                  args: {user: u, password: "p w", database: synapse, host: localhost, port: 5432, cp_min: 2, cp_max: 4,
                    keepalives_idle: 10, sslmode: require, cp_reconnect: true, cursor_factory: x}

                """)
        guard case .postgresql(let settings) = configuration.database else {
            Issue.record("not PostgreSQL")
            return
        }
        #expect(
            settings.parameters.map { "\($0.name)=\($0.value)" } == [
                "user=u", "password=p w", "dbname=synapse", "host=localhost", "port=5432", "keepalives_idle=10",
                "sslmode=require",
            ])
        #expect(settings.connections == 2...4)
        #expect(settings.allowsUnsafeLocale)
        #expect(configuration.warnings.map(\.option) == ["database.args.cursor_factory"])
    }

    @Test func `faulty databases are refused`() {
        #expect(
            faults(minimal + "database: {name: mysql}\n").first?.contains("'mysql' is not a database engine") == true)
        #expect(faults(minimal + "database: {name: psycopg2, args: {cp_min: 9, cp_max: 3}}\n").count == 1)
        #expect(faults(minimal + "database: {name: psycopg2, args: {host: [a]}}\n").count == 1)
        #expect(faults(minimal + "database: {name: psycopg2, args: {dbname: a, database: b}}\n").count == 1)
        #expect(faults(minimal + "database: x\n").count == 1)
    }
}
