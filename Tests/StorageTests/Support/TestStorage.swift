import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

/// Storage over a database that is gone after the test.
struct TestStorage: Sendable {
    let database: any Database
    let caches: StorageCaches

    init(_ database: any Database) {
        self.database = database
        caches = StorageCaches(serverName: TestRoom.server)
    }

    func read<Value: Sendable>(_ body: @Sendable (RoomStores) throws -> Value) async throws -> Value {
        try await database.read { [caches] in try body(RoomStores($0, caches: caches, .reading)) }
    }

    @discardableResult
    func write<Value: Sendable>(_ body: @Sendable (RoomStores) throws -> Value) async throws -> Value {
        try await database.write { [caches] in try body(RoomStores($0, caches: caches, .writing)) }
    }

    /// The same database with nothing in memory, as after a start.
    func restarted() async throws -> TestStorage {
        let fresh = TestStorage(database)
        let last = try await fresh.read { stores in
            try stores.resumeStateCollection()
            return try stores.lastEventNumber()
        }
        fresh.caches.numbers.resume(after: last)
        return fresh
    }

    /// The first column of the first row.
    func number(_ sql: String) async throws -> Int64 {
        try await database.read { try $0.first(sql) { $0.optionalInt(0) ?? 0 } ?? 0 }
    }
}

/// Passes storage with an empty schema on this engine.
func withStorage<Value>(_ engine: Engine, _ body: (TestStorage) async throws -> Value) async throws -> Value {
    try await withTemporaryDatabase(engine) { database in
        try await migrate(database, Schema.migrations)
        return try await body(TestStorage(database))
    }
}

/// An engine to test on, and where chance begins.
struct SeededCase: Sendable, CustomTestStringConvertible {
    let engine: Engine
    let seed: UInt64

    var testDescription: String { "\(engine.rawValue), seed \(seed)" }

    /// `count` seeds on SQLite; fewer on PostgreSQL, where a database takes long to make.
    static func cases(_ count: UInt64) -> [SeededCase] {
        Engine.available.flatMap { engine in
            (0..<(engine == .sqlite ? count : min(count, 3))).map { SeededCase(engine: engine, seed: $0) }
        }
    }
}

/// What a test throws to have a transaction rolled back.
struct ChangeOfMind: Error {}
