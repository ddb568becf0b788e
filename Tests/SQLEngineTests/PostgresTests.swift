import SQLEngine
import TestSupport
import Testing

@Suite(.enabled(if: Engine.available.contains(.postgresql)))
struct PostgresTests {
    @Test
    func `a connection that died while idle is replaced unnoticed`() async throws {
        try await withCounter(.postgresql) { database in
            #expect(try await database.increment() == 1)
            #expect(try await database.counter() == 1)
            try await database.killConnections()
            #expect(try await database.increment() == 2)
            #expect(try await database.counter() == 2)
        }
    }

    @Test
    func `a write whose connection dies fails clearly, leaves no trace, and the next one works`() async throws {
        try await withCounter(.postgresql) { database in
            let error = await #expect(throws: SQLError.self) {
                try await database.write { transaction in
                    try transaction.execute("UPDATE counter SET value = 50")
                    try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            #expect(error?.kind == .connectionLost)
            let next = try await database.increment()
            #expect(next == 1)
        }
    }

    @Test
    func `all members of a group fail when its connection dies`() async throws {
        try await withCounter(.postgresql) { database in
            let gate = Gate()
            let lost = try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    // It may be of the group, and changes nothing that is counted.
                    do {
                        try await database.write { _ in gate.wait() }
                    } catch let error as SQLError {
                        #expect(error.kind == .connectionLost)
                    }
                    return false
                }
                for number in 0..<10 {
                    group.addTask {
                        do {
                            try await database.write { transaction in
                                try transaction.execute("UPDATE counter SET value = value + 1")
                                if number == 9 {
                                    try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                                }
                            }
                            return false
                        } catch let error as SQLError {
                            #expect(error.kind == .connectionLost)
                            return true
                        }
                    }
                }
                gate.open()
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            // However the ten were grouped, what is counted is what was answered.
            #expect(lost >= 1)
            #expect(try await database.counter() == Int64(10 - lost))
        }
    }

    @Test
    func `a read whose connection dies fails clearly`() async throws {
        try await withCounter(.postgresql) { database in
            let error = await #expect(throws: SQLError.self) {
                try await database.read { transaction in
                    _ = try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            #expect(error?.kind == .connectionLost)
            let next = try await database.counter()
            #expect(next == 0)
        }
    }

    @Test
    func `writes that wait at the same moment share one transaction`() async throws {
        try await withCounter(.postgresql) { database in
            let gate = Gate()
            let transactions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await database.write { transaction in
                            gate.wait()
                            try transaction.execute("UPDATE counter SET value = value + 1")
                            return try transaction.first("SELECT txid_current()") { $0.int(0) } ?? -1
                        }
                    }
                }
                // The first waits at the gate until the others have had every chance to queue.
                for _ in 0..<1_000 {
                    await Task.yield()
                }
                gate.open()
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(transactions.count < 20)
            let value = try await database.counter()
            #expect(value == 20)
        }
    }

    @Test
    func `a failed commit fails every write of its group`() async throws {
        try await withTemporaryDatabase(.postgresql) { database in
            try await database.write { transaction in
                try transaction.run(
                    script: """
                        CREATE TABLE parents (id BIGINT PRIMARY KEY);
                        CREATE TABLE children (parent BIGINT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
                        """)
            }
            let error = await #expect(throws: SQLError.self) {
                try await database.write { transaction in
                    _ = try transaction.execute("INSERT INTO children (parent) VALUES (1)")
                }
            }
            #expect(error?.kind == .constraintViolation)
            let count = try await database.read { try $0.first("SELECT COUNT(*) FROM children") { $0.int(0) } }
            #expect(count == 0)
        }
    }

    @Test
    func `arguments are psycopg2's`() throws {
        let parameters = try PostgresParameters(arguments: [
            "user": "synapse", "password": "it's \\ a 'secret'", "database": "synapse db", "host": "localhost",
            "cp_min": "5", "cp_max": "10", "keepalives_idle": "10", "sslmode": "prefer",
        ])
        #expect(parameters.connectionLimit == 10)
        #expect(parameters.database == "synapse db")
        #expect(parameters.settings["password"] == "it's \\ a 'secret'")
        #expect(parameters.settings["client_encoding"] == "UTF8")
        #expect(parameters.settings["keepalives_idle"] == "10")
        #expect(throws: SQLError.self) { try PostgresParameters(arguments: ["hots": "localhost"]) }
        #expect(throws: SQLError.self) { try PostgresParameters(arguments: ["cp_max": "many"]) }
        #expect(throws: SQLError.self) { try PostgresParameters(connectionString: "nonsense") }
    }

    @Test
    func `a connection string is split, and arguments beside a dsn win`() throws {
        let parameters = try PostgresParameters(arguments: [
            "dsn": "postgresql://alice:secret@db.example:5433/matrix?sslmode=require", "user": "bob",
        ])
        #expect(parameters.database == "matrix")
        #expect(parameters.settings["user"] == "bob")
        #expect(parameters.settings["host"] == "db.example")
        #expect(parameters.settings["port"] == "5433")
        #expect(parameters.settings["sslmode"] == "require")
    }

    @Test
    func `a server that isn't there is named in the error`() async throws {
        var parameters = try PostgresParameters(arguments: ["host": "127.0.0.1", "port": "1", "user": "x"])
        parameters.connectionLimit = 2
        let error = await #expect(throws: SQLError.self) { try await PostgresDatabase.open(parameters) }
        #expect(error?.kind == .connectionLost)
        #expect(error?.message.contains("127.0.0.1") == true)
    }

    @Test
    func `a database that sorts by a language is refused unless allowed`() async throws {
        try await withTemporaryPlace(.postgresql) { place in
            var parameters = try #require(place.parameters)
            let name = try #require(parameters.database) + "_latin"
            try await TemporaryDatabase.administer(
                "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
            parameters.database = name
            let refused = parameters
            let error = await #expect(throws: SQLError.self) { try await PostgresDatabase.open(refused) }
            #expect(error?.message.contains("UTF8") == true)
            try await TemporaryDatabase.administer("DROP DATABASE \(name) WITH (FORCE)")
        }
    }
}

extension Database {
    /// Ends every other connection to this database, as a restart of the server does.
    fileprivate func killConnections() async throws {
        try await write { transaction in
            _ = try transaction.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """)
        }
        await #expect(throws: SQLError.self) {
            try await write { transaction in
                _ = try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            }
        }
    }
}
