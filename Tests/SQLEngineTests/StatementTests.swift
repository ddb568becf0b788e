import SQLEngine
import TestSupport
import Testing

/// Statements and values, alike on both engines.
struct StatementTests {
    @Test(arguments: Engine.available)
    func `values come back as they went in`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            let text = "žluťoučký 🦎 \"quoted\" \\ cafe\u{301} 中文"
            let blob: [UInt8] = [0, 1, 2, 255, 0]
            try await database.write { transaction in
                try transaction.createSamples()
                try transaction.execute(
                    "INSERT INTO samples (id, number, name, bytes, ratio) VALUES ($1, $2, $3, $4, $5)",
                    1, .integer(.max), .text(text), .blob(blob), .real(0.1))
                try transaction.execute(
                    "INSERT INTO samples (id, number, name, bytes, ratio) VALUES ($5, $4, $3, $2, $1)",
                    .real(-1.5e300), .blob([]), "", .integer(.min), 2)
                try transaction.execute("INSERT INTO samples (id, number) VALUES ($1, $2)", 3, nil)
            }
            try await database.read { transaction in
                let rows = try transaction.all("SELECT number, name, bytes, ratio FROM samples ORDER BY id") { row in
                    (row.optionalInt(0), row.optionalText(1), row.optionalBlob(2), row.optionalDouble(3))
                }
                #expect(rows.count == 3)
                #expect(rows[0] == (.max, text, blob, 0.1))
                #expect(rows[0].1.map { Array($0.utf8) } == Array(text.utf8))
                #expect(rows[1] == (.min, "", [], -1.5e300))
                #expect(rows[2] == (nil, nil, nil, nil))
            }
        }
    }

    @Test(arguments: Engine.available)
    func `getters convert, and NULL reads as zero or nothing`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { transaction in
                try transaction.createSamples()
                for number in [Int64.max / 2, 2, 7] {
                    try transaction.execute(
                        "INSERT INTO samples (id, number, name) VALUES ($1, $1, $2)", .integer(number),
                        .text(String(number)))
                }
                try transaction.execute("INSERT INTO samples (id) VALUES ($1)", 1)
            }
            try await database.read { transaction in
                let sums = try transaction.first(
                    "SELECT SUM(number), COUNT(*), MIN(name), AVG(number * 0 + 5) FROM samples"
                ) {
                    row in (row.int(0), row.int(1), row.int(2), row.double(3))
                }
                #expect(try #require(sums) == (Int64.max / 2 + 9, 4, 2, 5))
                let smaller = try transaction.first(
                    "SELECT SUM(number), number FROM samples WHERE id = 2 GROUP BY number"
                ) {
                    row in (row.double(0), row.text(1), row.bool(1))
                }
                #expect(try #require(smaller) == (2, "2", true))
                let empty = try transaction.first("SELECT number, name, bytes, ratio FROM samples WHERE id = 1") {
                    row in
                    (row.int(0), row.text(1), row.blob(2), row.double(3), row.isNull(0))
                }
                #expect(try #require(empty) == (0, "", [], 0, true))
                let exists = try transaction.first("SELECT EXISTS (SELECT 1 FROM samples WHERE id = $1)", 7) {
                    $0.bool(0)
                }
                #expect(exists == true)
                let length = try transaction.first("SELECT name FROM samples WHERE id = $1", 7) { row in
                    row.withBytes(0) { $0.count }
                }
                #expect(length == 1)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `text with U+0000 survives on SQLite and is refused on PostgreSQL`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { try $0.createSamples() }
            let write = { () async throws -> Void in
                try await database.write { transaction in
                    _ = try transaction.execute("INSERT INTO samples (id, name) VALUES ($1, $2)", 1, "a\u{0}b")
                }
            }
            if engine == .sqlite {
                try await write()
                let name = try await database.read { try $0.first("SELECT name FROM samples") { $0.text(0) } }
                #expect(name == "a\u{0}b")
            } else {
                await #expect(throws: SQLError.self) { try await write() }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a list selects the rows among it`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            let names = ["plain", "quo\"te", "back\\slash", "comma, {brace}", "tab\tnew\nline\u{1}", "ž🦎", ""]
            try await database.write { transaction in
                try transaction.createSamples()
                for (index, name) in names.enumerated() {
                    try transaction.execute(
                        "INSERT INTO samples (id, name) VALUES ($1, $2)", .integer(Int64(index)), .text(name))
                }
            }
            try await database.read { transaction in
                let numbers = "SELECT id FROM samples WHERE id \(transaction.among(1, .integers)) ORDER BY id"
                let found = try transaction.all(numbers, .integers([5, 2, 99, -1])) { $0.int(0) }
                #expect(found == [2, 5])
                #expect(try transaction.all(numbers, .integers([])) { $0.int(0) } == [])
                let texts = "SELECT name FROM samples WHERE name \(transaction.among(1, .texts)) ORDER BY id"
                #expect(try transaction.all(texts, .texts(names + ["absent"])) { $0.text(0) } == names)
                #expect(try transaction.all(texts, .texts([])) { $0.text(0) } == [])
                let many = Array(Int64(-5_000)..<5_000)
                #expect(try transaction.all(numbers, .integers(many)) { $0.int(0) }.count == names.count)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `execute counts the rows it changed`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { transaction in
                try transaction.createSamples()
                #expect(try transaction.execute("INSERT INTO samples (id) VALUES ($1), ($2), ($3)", 1, 2, 3) == 3)
                #expect(try transaction.execute("UPDATE samples SET number = $1 WHERE id > $2", 5, 1) == 2)
                #expect(try transaction.execute("SELECT * FROM samples") == 0)
                #expect(
                    try transaction.execute("INSERT INTO samples (id) VALUES ($1) ON CONFLICT DO NOTHING", 1) == 0)
                #expect(try transaction.execute("DELETE FROM samples WHERE id = $1", 9) == 0)
                #expect(try transaction.execute("DELETE FROM samples") == 3)
                #expect(try transaction.execute("CREATE TABLE another (id BIGINT)") == 0)
                let upsert = """
                    INSERT INTO samples (id, number) VALUES ($1, $2)
                    ON CONFLICT (id) DO UPDATE SET number = samples.number + excluded.number RETURNING number
                    """
                #expect(try transaction.first(upsert, 1, 10) { $0.int(0) } == 10)
                #expect(try transaction.first(upsert, 1, 10) { $0.int(0) } == 20)
                #expect(try transaction.execute(upsert, 1, 10) == 1)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `forEach stops when told, and a statement may run inside its own rows`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { transaction in
                try transaction.createSamples()
                try transaction.execute("INSERT INTO samples (id) VALUES (1), (2), (3)")
            }
            try await database.read { transaction in
                let sql = "SELECT id FROM samples ORDER BY id"
                var seen: [Int64] = []
                try transaction.forEach(sql) { row in
                    seen.append(row.int(0))
                    return seen.count < 2
                }
                #expect(seen == [1, 2])
                let pairs = try transaction.all(sql) { outer in
                    try transaction.all(sql) { inner in outer.int(0) * 10 + inner.int(0) }
                }
                #expect(pairs == [[11, 12, 13], [21, 22, 23], [31, 32, 33]])
                #expect(throws: Refusal.self) {
                    try transaction.forEach(sql) { _ in throw Refusal() }
                }
                // A row closure that throws is the caller's affair: the transaction goes on.
                #expect(try transaction.first(sql) { $0.int(0) } == 1)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a second row with the same key is a uniqueViolation, other constraints are not`(_ engine: Engine) async throws
    {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { transaction in
                try transaction.run(
                    script: """
                        CREATE TABLE parents (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
                        CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id), age BIGINT CHECK (age > 0));
                        INSERT INTO parents (id, name) VALUES (1, 'one');
                        """)
            }
            let cases: [(String, SQLError.Kind)] = [
                ("INSERT INTO parents (id, name) VALUES (1, 'two')", .uniqueViolation),
                ("INSERT INTO parents (id, name) VALUES (2, 'one')", .uniqueViolation),
                ("INSERT INTO parents (id, name) VALUES (3, NULL)", .constraintViolation),
                ("INSERT INTO children (parent, age) VALUES (9, 1)", .constraintViolation),
                ("INSERT INTO children (parent, age) VALUES (1, 0)", .constraintViolation),
                ("INSERT INTO nowhere (id) VALUES (1)", .other),
            ]
            for (sql, kind) in cases {
                let error = await #expect(throws: SQLError.self) {
                    try await database.write { transaction in _ = try transaction.execute(sql) }
                }
                #expect(error?.kind == kind, "\(sql): \(error?.description ?? "")")
                #expect(error?.sql == sql)
                #expect(error?.message.contains("one") == false)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `the number of values must be that of the parameters`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { try $0.createSamples() }
            for values in [[SQLValue](), [1], [1, 2, 3]] {
                await #expect(throws: SQLError.self) {
                    try await database.read { transaction in
                        _ = try transaction.execute(
                            "SELECT id FROM samples WHERE id = $1 OR number = $2", values: values)
                    }
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `more statements than the cache holds all work`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.read { transaction in
                for round in 0..<2 {
                    for number in 0..<700 {
                        let sql = "SELECT \(number) + CAST($1 AS BIGINT)"
                        let sum = try transaction.first(sql, .integer(Int64(round))) { $0.int(0) }
                        #expect(sum == Int64(number + round))
                    }
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `text sorts by code point`(_ engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await database.write { transaction in
                try transaction.createSamples()
                for (index, name) in ["b", "a", "B", "é", "_", "Z"].enumerated() {
                    try transaction.execute(
                        "INSERT INTO samples (id, name) VALUES ($1, $2)", .integer(Int64(index)), .text(name))
                }
                let names = try transaction.all("SELECT name FROM samples ORDER BY name") { $0.text(0) }
                #expect(names == ["B", "Z", "_", "a", "b", "é"])
            }
        }
    }
}

struct Refusal: Error {}

extension Transaction {
    /// A table with a column of every type the schema uses.
    func createSamples() throws {
        try run(
            script: Migration(
                version: 1, name: "samples",
                sql: "CREATE TABLE samples (id {id}, number BIGINT, name TEXT, bytes {blob}, ratio DOUBLE PRECISION)"
            ).script(for: engine))
    }
}
