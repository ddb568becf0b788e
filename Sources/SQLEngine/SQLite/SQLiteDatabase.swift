import GRDBSQLite

/// How a SQLite database is run.
package struct SQLiteOptions: Sendable {
    /// What a commit waits for.
    package enum Synchronous: String, Sendable {
        /// The disk has it: survives a power cut.
        case full = "FULL"
        /// The operating system has it: survives a crash of the server, not of the machine.
        case normal = "NORMAL"
    }

    package var synchronous: Synchronous
    /// How many reads may run at once. Threads and connections are made when they are needed.
    package var readerLimit: Int
    /// How long to wait for a lock that another process holds.
    package var busyTimeout: Duration
    /// How many KiB of pages the writer's connection may keep in memory.
    package var writerCache: Int
    /// How many KiB of pages each reader's connection may keep in memory.
    package var readerCache: Int
    /// How many reads may run at once on the threads of their callers instead of ours.
    ///
    /// Saves two changes of thread, most of what a small read costs, but keeps a thread of the cooperative pool busy
    /// for as long as the read takes. So it must be less than the pool's threads, which are as many as the processor's
    /// cores.
    package var inlineReads: Int
    /// Statements that each connection runs when it is opened, such as what attaches another database.
    package var connectionScript: String

    package init(
        synchronous: Synchronous = .full,
        readerLimit: Int = 3,
        busyTimeout: Duration = .seconds(5),
        writerCache: Int = 8_192,
        readerCache: Int = 2_048,
        inlineReads: Int = 0,
        connectionScript: String = ""
    ) {
        self.synchronous = synchronous
        self.readerLimit = readerLimit
        self.busyTimeout = busyTimeout
        self.writerCache = writerCache
        self.readerCache = readerCache
        self.inlineReads = inlineReads
        self.connectionScript = connectionScript
    }
}

/// SQLite in write-ahead-log mode.
package enum SQLiteDatabase {
    /// Whether `ATTACH` takes `file:` URIs with options such as `mode=ro`: so it is on Debian.
    package static var attachesByURI: Bool { sqlite3_compileoption_used("USE_URI") != 0 }

    /// Opens the database file at `path`, making it if there is none.
    ///
    /// Nothing here keeps a second server process from opening the same file; the application sees to that.
    /// - Throws: ``SQLError`` if the file can't be opened or isn't a database.
    package static func open(path: String, options: SQLiteOptions = SQLiteOptions()) async throws -> any Database {
        var checkpointing = options
        checkpointing.connectionScript = ""
        let checkpointer = SQLiteCheckpointer(path: path, options: checkpointing)
        let pool = ConnectionPool(
            engine: .sqlite,
            readerLimit: options.readerLimit,
            inlineReads: options.inlineReads,
            connect: { access throws(SQLError) in
                try SQLiteConnection(
                    path: path, access: access, options: options, checkpointer: access == .write ? checkpointer : nil)
            },
            willCloseWriter: { await checkpointer.stop() })
        do {
            // The writer opens first: it makes the file and the log that readers need to find.
            try await pool.write { _ in }
        } catch {
            try? await pool.close()
            throw error
        }
        return pool
    }
}
