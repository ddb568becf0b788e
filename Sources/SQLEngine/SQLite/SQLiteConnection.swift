import Foundation
import GRDB
import GRDBSQLite

/// A connection to a SQLite file.
///
/// GRDB opens it, sets it up and closes it. Statements are bound and stepped through SQLite's own functions: on the hot
/// paths GRDB's value conversions cost more than SQLite does.
final class SQLiteConnection: Connection {
    let engine = Engine.sqlite
    private(set) var isUsable = true

    private let queue: DatabaseQueue
    private let handle: OpaquePointer
    private var statements = StatementCache<SQLiteStatement>()
    private let control: Control
    private let checkpointer: SQLiteCheckpointer?
    /// How many pages the write-ahead log holds, as of the last commit.
    private var logPages: Int32 = 0

    /// - Parameter checkpointer: Empties the write-ahead log beside the writer; `nil` for a reader.
    init(path: String, access: Access, options: SQLiteOptions, checkpointer: SQLiteCheckpointer?) throws(SQLError) {
        var configuration = Configuration()
        configuration.label = access == .write ? "axolemma.writer" : "axolemma.reader"
        configuration.readonly = access == .read
        configuration.busyMode = .timeout(options.busyTimeout / .seconds(1))
        let handle: OpaquePointer
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            guard let opened = queue.unsafeReentrantWrite({ $0.sqliteConnection }) else {
                throw SQLError(.other, "the database file can't be opened: \(path)")
            }
            handle = opened
        } catch let error as DatabaseError {
            throw SQLError(.other, "\(error.message ?? "SQLite error \(error.resultCode.rawValue)"): \(path)")
        } catch let error as SQLError {
            throw error
        } catch {
            throw SQLError(.other, "\(error): \(path)")
        }
        self.handle = handle
        self.checkpointer = checkpointer
        // GRDB's observers of transactions and statements expect to be called on GRDB's queue; we have no use for them.
        sqlite3_commit_hook(handle, nil, nil)
        sqlite3_rollback_hook(handle, nil, nil)
        sqlite3_set_authorizer(handle, nil, nil)
        try SQLiteConnection.setUp(handle, access, options)
        if !options.connectionScript.isEmpty { try SQLiteConnection.execute(options.connectionScript, on: handle) }
        control = try Control(handle, access)
        if checkpointer != nil { watchLog() }
    }

    private static func setUp(_ handle: OpaquePointer, _ access: Access, _ options: SQLiteOptions) throws(SQLError) {
        var script = """
            PRAGMA synchronous = \(options.synchronous.rawValue);
            PRAGMA cache_size = -\(access == .write ? options.writerCache : options.readerCache);
            PRAGMA temp_store = MEMORY;

            """
        if access == .write {
            // Deleted content is overwritten where that costs no extra write. A log of 32 MiB is as long as it stays.
            script += """
                PRAGMA journal_mode = WAL;
                PRAGMA wal_autocheckpoint = 0;
                PRAGMA journal_size_limit = 33554432;
                PRAGMA secure_delete = FAST;

                """
        }
        try execute(script, on: handle)
        if access == .write {
            let mode = try SQLiteStatement("PRAGMA journal_mode", on: handle)
            defer { mode.finalize() }
            guard sqlite3_step(mode.handle) == SQLITE_ROW, Row(statement: mode.handle).text(0) == "wal" else {
                throw SQLError(.other, "SQLite can't use a write-ahead log here; is the file on a network file system?")
            }
        }
    }

    // MARK: Transactions

    func begin(_ access: Access) throws(SQLError) {
        try step(control.begin)
    }

    func commit() throws(SQLError) {
        try step(control.commit)
    }

    func endRead() {
        do throws(SQLError) {
            try commit()
        } catch {
            rollback()
        }
    }

    func rollback() {
        // SQLite has rolled back by itself after some errors (disk full, I/O).
        guard sqlite3_get_autocommit(handle) == 0 else { return }
        sqlite3_step(control.rollback.handle)
        sqlite3_reset(control.rollback.handle)
        if sqlite3_get_autocommit(handle) == 0 { isUsable = false }
    }

    func savepoint() throws(SQLError) {
        try step(control.savepoint)
    }

    func releaseSavepoint() throws(SQLError) {
        try step(control.release)
    }

    func rollbackSavepoint() throws(SQLError) {
        try step(control.rollbackSavepoint)
        try step(control.release)
    }

    private func step(_ statement: SQLiteStatement) throws(SQLError) {
        let code = sqlite3_step(statement.handle)
        let error = code == SQLITE_DONE ? nil : SQLError(code, on: handle, sql: statement.sql)
        sqlite3_reset(statement.handle)
        if let error { throw error }
    }

    // MARK: Statements

    func run(_ sql: String, _ values: [SQLValue], row: (borrowing Row) -> Bool) throws(SQLError) -> Int {
        let statement = try statement(for: sql)
        defer { giveBack(statement) }
        try statement.bind(values)
        while true {
            let code = sqlite3_step(statement.handle)
            if code == SQLITE_ROW {
                if row(Row(statement: statement.handle)) { continue }
            } else if code != SQLITE_DONE {
                throw SQLError(code, on: handle, sql: sql)
            }
            return statement.countsChanges ? Int(sqlite3_changes(handle)) : 0
        }
    }

    func run(script: String) throws(SQLError) {
        try SQLiteConnection.execute(script, on: handle)
    }

    private func statement(for sql: String) throws(SQLError) -> SQLiteStatement {
        if let statement = statements.statement(for: sql) {
            // A row closure that runs the statement it is being called from gets another one.
            if statement.isInUse { return try SQLiteStatement(sql, on: handle, isCached: false) }
            statement.isInUse = true
            return statement
        }
        let statement = try SQLiteStatement(sql, on: handle)
        statement.isInUse = true
        for evicted in statements.insert(statement, for: sql) {
            evicted.finalize()
        }
        return statement
    }

    private func giveBack(_ statement: SQLiteStatement) {
        statement.reset()
        statement.isInUse = false
        if !statement.isCached { statement.finalize() }
    }

    private static func execute(_ script: String, on handle: OpaquePointer) throws(SQLError) {
        let code = sqlite3_exec(handle, script, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLError(code, on: handle, sql: nil) }
    }

    // MARK: The write-ahead log

    private func watchLog() {
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().logPages = pages
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque())
    }

    func tidy() {
        guard let checkpointer, checkpointer.leavesRest(ofLog: logPages) else { return }
        // What was written while the checkpointer worked. Once all is copied, the next commit starts the log anew.
        checkpoint()
    }

    /// Copies what it can of the write-ahead log into the database file, without waiting for anyone.
    func checkpoint() {
        sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    }

    func close() {
        control.finalize()
        for statement in statements.removeAll() {
            statement.finalize()
        }
        if checkpointer != nil {
            sqlite3_wal_hook(handle, nil, nil)
            sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        }
        isUsable = false
        // What could fail here is a statement that isn't finalized; deallocation closes the connection all the same.
        try? queue.close()
    }
}

/// The statements that begin and end transactions.
private struct Control {
    let begin: SQLiteStatement
    let commit: SQLiteStatement
    let rollback: SQLiteStatement
    let savepoint: SQLiteStatement
    let release: SQLiteStatement
    let rollbackSavepoint: SQLiteStatement

    init(_ handle: OpaquePointer, _ access: Access) throws(SQLError) {
        begin = try SQLiteStatement(access == .write ? "BEGIN IMMEDIATE" : "BEGIN", on: handle)
        commit = try SQLiteStatement("COMMIT", on: handle)
        rollback = try SQLiteStatement("ROLLBACK", on: handle)
        savepoint = try SQLiteStatement("SAVEPOINT axolemma", on: handle)
        release = try SQLiteStatement("RELEASE axolemma", on: handle)
        rollbackSavepoint = try SQLiteStatement("ROLLBACK TO axolemma", on: handle)
    }

    func finalize() {
        for statement in [begin, commit, rollback, savepoint, release, rollbackSavepoint] {
            statement.finalize()
        }
    }
}
