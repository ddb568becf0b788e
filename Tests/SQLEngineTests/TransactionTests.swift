import SQLEngine
import TestSupport
import Testing

/// What a transaction promises, alike on both engines.
struct TransactionTests {
    @Test(arguments: Engine.available)
    func `a body that throws leaves no trace`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            await #expect(throws: Refusal.self) {
                try await database.write { transaction in
                    try transaction.execute("UPDATE counter SET value = 99")
                    throw Refusal()
                }
            }
            let value = try await database.counter()
            #expect(value == 0)
        }
    }

    @Test(arguments: Engine.available)
    func `a thousand concurrent writes lose no increment`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let seen = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<1_000 {
                    group.addTask {
                        try await database.write { transaction in
                            let value = try transaction.first("SELECT value FROM counter") { $0.int(0) } ?? 0
                            try transaction.execute("UPDATE counter SET value = $1", .integer(value + 1))
                            return value
                        }
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(seen.count == 1_000)
            #expect(try await database.counter() == 1_000)
        }
    }

    @Test(arguments: Engine.available)
    func `a failing write in a group takes nobody with it`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let gate = Gate()
            let failures = try await withThrowingTaskGroup(of: Bool.self) { group in
                // The first holds the writer up, so that all others wait at the same moment and share a commit.
                group.addTask {
                    try await database.write { _ in gate.wait() }
                    return false
                }
                for number in 0..<60 {
                    group.addTask {
                        do {
                            try await database.write { transaction in
                                try transaction.execute("UPDATE counter SET value = value + 1")
                                switch number % 3 {
                                case 0: throw Refusal()
                                case 1: break
                                // A failed statement aborts PostgreSQL's transaction, which the savepoint must mend.
                                default: try transaction.execute("INSERT INTO counter (id, value) VALUES (1, 1)")
                                }
                            }
                            return false
                        } catch is Refusal {
                            #expect(number % 3 == 0)
                            return true
                        } catch let error as SQLError {
                            #expect(number % 3 == 2 && error.kind == .uniqueViolation)
                            return true
                        }
                    }
                }
                gate.open()
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failures == 40)
            #expect(try await database.counter() == 20)
        }
    }

    @Test(arguments: Engine.available)
    func `commits are seen in the order of their onCommit actions, before the caller returns`(_ engine: Engine)
        async throws
    {
        try await withCounter(engine) { database in
            let committed = Journal<Int64>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let value = try? await database.write { transaction in
                            try transaction.execute("UPDATE counter SET value = value + 1")
                            let value = try transaction.first("SELECT value FROM counter") { $0.int(0) } ?? 0
                            transaction.onCommit { committed.append(value) }
                            if number % 5 == 0 { throw Refusal() }
                            return value
                        }
                        if let value {
                            #expect(committed.entries.contains(value))
                        } else {
                            #expect(number % 5 == 0)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(committed.entries == Array(1...160))
        }
    }

    @Test(arguments: Engine.available)
    func `onCommit actions run when the change is visible to others`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            try await database.write { transaction in
                try transaction.execute("UPDATE counter SET value = 7")
                transaction.onCommit { continuation.finish() }
            }
            for await _ in stream {}
            #expect(try await database.counter() == 7)
        }
    }

    @Test(arguments: Engine.available)
    func `a read sees one snapshot, whatever is committed meanwhile`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let hasRead = Gate()
            let hasWritten = Gate()
            async let values = database.read { transaction in
                let before = try transaction.first("SELECT value FROM counter") { $0.int(0) }
                hasRead.open()
                hasWritten.wait()
                let after = try transaction.first("SELECT value FROM counter") { $0.int(0) }
                return [before, after]
            }
            try await database.write { transaction in
                hasRead.wait()
                try transaction.execute("UPDATE counter SET value = 5")
            }
            hasWritten.open()
            #expect(try await values == [0, 0])
            #expect(try await database.counter() == 5)
        }
    }

    @Test(arguments: Engine.available)
    func `a read can't write`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            await #expect(throws: SQLError.self) {
                try await database.read { transaction in
                    _ = try transaction.execute("UPDATE counter SET value = 1")
                }
            }
            let value = try await database.counter()
            #expect(value == 0)
        }
    }

    @Test(arguments: Engine.available)
    func `a failed statement dooms its transaction even if the error is caught`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let error = await #expect(throws: SQLError.self) {
                try await database.write { transaction in
                    try transaction.execute("UPDATE counter SET value = 1")
                    #expect(throws: SQLError.self) {
                        try transaction.execute("INSERT INTO counter (id, value) VALUES (1, 1)")
                    }
                    #expect(throws: SQLError.self) {
                        try transaction.execute("UPDATE counter SET value = 2")
                    }
                }
            }
            #expect(error?.kind == .uniqueViolation)
            let value = try await database.counter()
            #expect(value == 0)
        }
    }

    @Test(arguments: Engine.available)
    func `a savepoint undoes what failed inside it, and the transaction goes on`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let actions = Journal<String>()
            try await database.write { transaction in
                try transaction.execute("UPDATE counter SET value = 1")
                do {
                    try transaction.savepoint {
                        transaction.onCommit { actions.append("undone") }
                        try transaction.execute("UPDATE counter SET value = 2")
                        try transaction.execute("INSERT INTO counter (id, value) VALUES (1, 1)")
                    }
                    Issue.record("the key is taken")
                } catch let error as SQLError {
                    #expect(error.kind == .uniqueViolation)
                }
                try transaction.savepoint {
                    transaction.onCommit { actions.append("kept") }
                    try transaction.execute("UPDATE counter SET value = value + 10")
                    try? transaction.savepoint {
                        try transaction.execute("UPDATE counter SET value = 99")
                        throw Refusal()
                    }
                }
            }
            #expect(try await database.counter() == 11)
            #expect(actions.entries == ["kept"])
        }
    }

    @Test(arguments: Engine.available)
    func `a task that is cancelled while it waits leaves the queue`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            let isRunning = Gate()
            let mayEnd = Gate()
            let running = Task {
                try await database.write { transaction in
                    isRunning.open()
                    mayEnd.wait()
                    try transaction.execute("UPDATE counter SET value = value + 1")
                }
            }
            await isRunning.opened()
            let waiting = Task {
                try await database.write { transaction in
                    _ = try transaction.execute("UPDATE counter SET value = value + 100")
                }
            }
            waiting.cancel()
            // The waiter comes back while the writer is still held up.
            await #expect(throws: CancellationError.self) { try await waiting.value }
            // One that runs is finished.
            running.cancel()
            mayEnd.open()
            try await running.value
            #expect(try await database.counter() == 1)
        }
    }

    @Test(arguments: Engine.available)
    func `closing finishes the writes that wait and refuses those that come later`(_ engine: Engine) async throws {
        try await withTemporaryPlace(engine) { place in
            let database = try await place.open()
            try await database.createCounter()
            let isRunning = Gate()
            let mayEnd = Gate()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await database.write { transaction in
                        isRunning.open()
                        mayEnd.wait()
                        try transaction.execute("UPDATE counter SET value = value + 1")
                    }
                }
                await isRunning.opened()
                group.addTask { try await database.close() }
                mayEnd.open()
                try await group.waitForAll()
            }
            let error = await #expect(throws: SQLError.self) { try await database.counter() }
            #expect(error?.kind == .closed)
            try await database.close()
            let again = try await place.open()
            #expect(try await again.counter() == 1)
            try await again.close()
        }
    }

    @Test(arguments: Engine.available)
    func `many reads run beside a stream of writes`(_ engine: Engine) async throws {
        try await withCounter(engine) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var last: Int64 = 0
                        for _ in 0..<50 {
                            let value = try await database.counter()
                            #expect(value >= last)
                            last = value
                        }
                    }
                    group.addTask {
                        for _ in 0..<25 {
                            let written = try await database.increment()
                            let read = try await database.counter()
                            #expect(read >= written)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.counter() == 200)
        }
    }
}
