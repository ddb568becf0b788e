import Foundation
import SQLEngine
import Synchronization
import TestSupport

/// Passes a database with a table `counter` whose one row holds 0.
func withCounter<Value>(_ engine: Engine, _ body: (any Database) async throws -> Value) async throws -> Value {
    try await withTemporaryDatabase(engine) { database in
        try await database.createCounter()
        return try await body(database)
    }
}

extension Database {
    func createCounter() async throws {
        try await write { transaction in
            try transaction.run(
                script: """
                    CREATE TABLE counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
                    INSERT INTO counter (id, value) VALUES (1, 0);
                    """)
        }
    }

    func counter() async throws -> Int64 {
        try await read { try $0.first("SELECT value FROM counter") { $0.int(0) } ?? -1 }
    }

    @discardableResult
    func increment() async throws -> Int64 {
        try await write { transaction in
            try transaction.first("UPDATE counter SET value = value + 1 RETURNING value") { $0.int(0) } ?? -1
        }
    }
}

/// A door that a test opens once. Database threads wait for it with `wait()`, tasks with `opened()`.
///
/// `@unchecked Sendable`: what can change is only touched with `condition` locked.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var tasks: [CheckedContinuation<Void, Never>] = []

    func open() {
        let tasks = condition.withLock {
            isOpen = true
            condition.broadcast()
            defer { self.tasks = [] }
            return self.tasks
        }
        for task in tasks {
            task.resume()
        }
    }

    func wait() {
        condition.withLock {
            while !isOpen {
                condition.wait()
            }
        }
    }

    func opened() async {
        await withCheckedContinuation { continuation in
            let isOpen = condition.withLock {
                if !self.isOpen { tasks.append(continuation) }
                return self.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// What several threads of a test wrote down, in order.
final class Journal<Entry: Sendable>: Sendable {
    private let list = Mutex<[Entry]>([])

    var entries: [Entry] {
        list.withLock { $0 }
    }

    func append(_ entry: Entry) {
        list.withLock { $0.append(entry) }
    }
}
