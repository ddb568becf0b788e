import Foundation
package import SQLEngine
import Synchronization

extension Engine {
    /// The engines to test on: SQLite, and PostgreSQL if `AXOLEMMA_TEST_POSTGRES` holds a connection string whose user
    /// may create databases.
    package static var available: [Engine] {
        postgresForTests == nil ? [.sqlite] : [.sqlite, .postgresql]
    }
}

private let postgresForTests = ProcessInfo.processInfo.environment["AXOLEMMA_TEST_POSTGRES"]

/// A place for a database that is gone after the test.
package struct TemporaryDatabase: Sendable {
    package let engine: Engine
    private let place: Place

    private enum Place: Sendable {
        case directory(URL)
        case server(PostgresParameters)
    }

    /// The file, on SQLite.
    package var path: String? {
        guard case .directory(let directory) = place else { return nil }
        return directory.appendingPathComponent("homeserver.db").path
    }

    /// How to connect, on PostgreSQL.
    package var parameters: PostgresParameters? {
        guard case .server(let parameters) = place else { return nil }
        return parameters
    }

    /// Opens the database, which is empty the first time. Whoever opens it closes it.
    package func open() async throws -> any Database {
        switch place {
        case .directory(let directory):
            try await SQLiteDatabase.open(path: directory.appendingPathComponent("homeserver.db").path)
        case .server(let parameters):
            try await PostgresDatabase.open(parameters)
        }
    }

    /// Runs a command on the server, outside any database under test.
    package static func administer(_ command: String) async throws {
        try await PostgresDatabase.administer(PostgresParameters(connectionString: postgresForTests ?? ""), command)
    }

    fileprivate init(_ engine: Engine) async throws {
        self.engine = engine
        let name = "axolemma_test_\(UInt64.random(in: .min ... .max))"
        switch engine {
        case .sqlite:
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            place = .directory(directory)
        case .postgresql:
            try await TemporaryDatabase.administer(
                "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
            var parameters = try PostgresParameters(connectionString: postgresForTests ?? "")
            parameters.database = name
            place = .server(parameters)
        }
    }

    fileprivate func remove() async throws {
        switch place {
        case .directory(let directory):
            try FileManager.default.removeItem(at: directory)
        case .server(let parameters):
            guard let name = parameters.database else { return }
            try await TemporaryDatabase.administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        }
    }
}

/// Lets only so many tests have a database on the PostgreSQL server at once: all tests begin together, and the server has
/// only so many connections.
private final class Turns: Sendable {
    static let postgres = Turns(30)

    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ count: Int) { state = Mutex((count, [])) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}

/// Passes a place for a database, and removes what was put there.
package func withTemporaryPlace<Value>(
    _ engine: Engine, _ body: (TemporaryDatabase) async throws -> Value
) async throws -> Value {
    if engine == .postgresql { await Turns.postgres.take() }
    defer { if engine == .postgresql { Turns.postgres.giveBack() } }
    let place = try await TemporaryDatabase(engine)
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(place))
    } catch {
        result = .failure(error)
    }
    try await place.remove()
    return try result.get()
}

/// Passes an open, empty database; closes and removes it afterwards.
package func withTemporaryDatabase<Value>(
    _ engine: Engine, _ body: (any Database) async throws -> Value
) async throws -> Value {
    try await withTemporaryPlace(engine) { place in
        let database = try await place.open()
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(database))
        } catch {
            result = .failure(error)
        }
        try await database.close()
        return try result.get()
    }
}
