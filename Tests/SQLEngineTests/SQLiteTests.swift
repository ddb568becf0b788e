import Foundation
import SQLEngine
import TestSupport
import Testing

struct SQLiteTests {
    @Test
    func `the file is in write-ahead-log mode with foreign keys and full synchronization`() async throws {
        try await withTemporaryDatabase(.sqlite) { database in
            try await database.write { transaction in
                let mode = try transaction.first("PRAGMA journal_mode") { $0.text(0) }
                #expect(mode == "wal")
                #expect(try transaction.first("PRAGMA foreign_keys") { $0.int(0) } == 1)
                #expect(try transaction.first("PRAGMA synchronous") { $0.int(0) } == 2)
            }
        }
    }

    @Test
    func `synchronous can be NORMAL`() async throws {
        try await withTemporaryPlace(.sqlite) { place in
            let path = try #require(place.path)
            let database = try await SQLiteDatabase.open(path: path, options: SQLiteOptions(synchronous: .normal))
            let level = try await database.write { try $0.first("PRAGMA synchronous") { $0.int(0) } }
            #expect(level == 1)
            try await database.close()
        }
    }

    @Test
    func `a file that is no database is refused`() async throws {
        try await withTemporaryPlace(.sqlite) { place in
            let path = try #require(place.path)
            try Data(repeating: 0x41, count: 8_192).write(to: URL(fileURLWithPath: path))
            let error = await #expect(throws: SQLError.self) { try await SQLiteDatabase.open(path: path) }
            #expect(error?.message.contains(path) == true)
            await #expect(throws: SQLError.self) { try await SQLiteDatabase.open(path: path + "/nowhere/at/all") }
        }
    }

    @Test
    func `the log doesn't grow without end under constant writes, and is empty after close`() async throws {
        try await withTemporaryPlace(.sqlite) { place in
            let path = try #require(place.path)
            let database = try await SQLiteDatabase.open(path: path, options: SQLiteOptions(synchronous: .normal))
            try await database.write { try $0.run(script: "CREATE TABLE pages (id INTEGER PRIMARY KEY, body BLOB)") }
            // 130 MB in all, written over and over in the same rows.
            for round in 0..<800 {
                try await database.write { transaction in
                    for row in 0..<40 {
                        try transaction.execute(
                            "INSERT OR REPLACE INTO pages (id, body) VALUES ($1, $2)", .integer(Int64(row)),
                            .blob([UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 4_000)))
                    }
                }
            }
            let log = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? .max
            #expect(log < 48_000_000)
            try await database.close()
            let rest = try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int
            #expect(rest ?? 0 == 0)
        }
    }

    @Test
    func `what another process holds is waited for`() async throws {
        try await withTemporaryPlace(.sqlite) { place in
            let path = try #require(place.path)
            let mine = try await SQLiteDatabase.open(path: path)
            try await mine.createCounter()
            var options = SQLiteOptions()
            options.busyTimeout = .zero
            let impatient = try await SQLiteDatabase.open(path: path, options: options)
            let isRunning = Gate()
            let mayEnd = Gate()
            async let held: Void = mine.write { _ in
                isRunning.open()
                mayEnd.wait()
            }
            await isRunning.opened()
            let error = await #expect(throws: SQLError.self) { try await impatient.increment() }
            #expect(error?.kind == .busy)
            mayEnd.open()
            try await held
            #expect(try await impatient.increment() == 1)
            try await impatient.close()
            try await mine.close()
        }
    }

    @Test
    func `reads on their callers' threads see what was committed, refuse to write, and end with the database`()
        async throws
    {
        try await withTemporaryPlace(.sqlite) { place in
            let path = try #require(place.path)
            let database = try await SQLiteDatabase.open(path: path, options: SQLiteOptions(inlineReads: 1))
            try await database.createCounter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<50 {
                            let written = try await database.increment()
                            let read = try await database.counter()
                            #expect(read >= written)
                        }
                    }
                }
                try await group.waitForAll()
            }
            await #expect(throws: SQLError.self) {
                try await database.read { transaction in
                    _ = try transaction.execute("UPDATE counter SET value = 0")
                }
            }
            await #expect(throws: Refusal.self) { try await database.read { _ in throw Refusal() } }
            let value = try await database.counter()
            #expect(value == 400)
            let cancelled = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await database.counter()
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            try await database.close()
            await #expect(throws: SQLError.self) { try await database.counter() }
        }
    }
}
