import MatrixCore
package import ModuleAPI
import SQLEngine
import Storage
import Synchronization

/// The tables of modules: beside the server's, and seeing them (docs/modules/database.md).
///
/// Opened when a module first asks for it; a server whose modules have no tables has no connection for them.
package final class ModuleTables: ModuleDatabase {
    private enum State {
        case untouched
        case opening(Task<any Database, any Error>)
        case closed
    }

    package let place: ModuleTablesPlace
    private let state = Mutex(State.untouched)

    package init(_ place: ModuleTablesPlace) { self.place = place }

    package var engine: ModuleDatabaseEngine {
        switch place {
        case .sqlite: .sqlite
        case .postgresql: .postgresql
        }
    }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value {
        try await database().read { try body(ModuleTablesTransaction($0)) }
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any ModuleTransaction) throws -> Value
    ) async throws -> Value {
        let database = try await database()
        for _ in 1..<Self.attempts {
            do {
                return try await database.write { try body(ModuleTablesTransaction($0)) }
            } catch let error as SQLError where error.kind == .busy {
                continue
            }
        }
        return try await database.write { try body(ModuleTablesTransaction($0)) }
    }

    /// How often a transaction is tried that gets in the way of another process's.
    private static let attempts = 5

    /// Closes what was opened. Later calls fail.
    package func close() async throws {
        let previous = state.withLock { state in
            defer { state = .closed }
            return state
        }
        if case .opening(let task) = previous { try await task.value.close() }
    }

    /// The open database. All who ask while it is being opened wait for the same opening, even if the first of them is
    /// cancelled: hence a task of its own.
    private func database() async throws -> any Database {
        let task: Task<any Database, any Error> = try state.withLock { state in
            switch state {
            case .untouched:
                let task = Task { [place] in try await place.open() }
                state = .opening(task)
                return task
            case .opening(let task):
                return task
            case .closed:
                throw ModuleError.unavailable("the server is stopping: its database is closed")
            }
        }
        do {
            return try await task.value
        } catch {
            // The next call tries again.
            state.withLock { state in
                if case .opening(task) = state { state = .untouched }
            }
            throw error
        }
    }
}
