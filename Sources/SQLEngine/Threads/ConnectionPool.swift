/// A database as one thread that writes and several that read, each with its own connection.
final class ConnectionPool: Database {
    let engine: Engine
    private let readers: JobQueue
    private let writer: JobQueue
    private let inlineReaders: InlineReaders
    /// What else must stop before the writer's connection is closed.
    private let willCloseWriter: @Sendable () async -> Void

    /// - Parameters:
    ///   - inlineReads: How many reads may run on their callers' threads; only for an engine that doesn't wait for a
    ///     network.
    ///   - connect: Opens a connection on the thread that will use it.
    init(
        engine: Engine,
        readerLimit: Int,
        inlineReads: Int = 0,
        connect: @escaping @Sendable (Access) throws(SQLError) -> any Connection,
        willCloseWriter: @escaping @Sendable () async -> Void = {}
    ) {
        self.engine = engine
        self.willCloseWriter = willCloseWriter
        inlineReaders = InlineReaders(limit: inlineReads) { () throws(SQLError) in try connect(.read) }
        readers = JobQueue(name: "sql-reader", threadLimit: max(1, readerLimit)) { queue in
            let parker = Parker()
            var slot = ConnectionSlot { () throws(SQLError) in try connect(.read) }
            while let job = queue.take(parker) {
                performRead(job, on: &slot)
            }
            slot.close()
        }
        writer = JobQueue(name: "sql-writer", threadLimit: 1) { queue in
            let parker = Parker()
            var slot = ConnectionSlot { () throws(SQLError) in try connect(.write) }
            while let job = queue.take(parker) {
                commitGroup(startingWith: job, from: queue, on: &slot)
            }
            slot.close()
        }
    }

    func read<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value {
        if let reader = inlineReaders.borrow() {
            defer { inlineReaders.giveBack(reader) }
            try Task.checkCancellation()
            return try reader.read(body)
        }
        return try await readers.run(body)
    }

    func write<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value {
        try await writer.run(body)
    }

    func close() async throws {
        // Readers first: SQLite can empty its write-ahead log only when nobody reads from it.
        inlineReaders.close()
        await readers.close()
        await willCloseWriter()
        await writer.close()
    }
}

/// Runs one read on a snapshot of its own.
private func performRead(_ job: Job, on slot: inout ConnectionSlot) {
    let connection: any Connection
    do throws(SQLError) {
        connection = try slot.begin(.read)
    } catch {
        job.fail(error)
        return
    }
    let transaction = Transaction(on: connection)
    let failure = job.perform(in: transaction)
    connection.endRead()
    if let failure {
        job.fail(failure)
    } else {
        for action in transaction.commitActions {
            action()
        }
        job.succeed()
    }
}
