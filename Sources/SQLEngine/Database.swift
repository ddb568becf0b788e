/// The database software behind a ``Database``.
package enum Engine: String, Sendable, CaseIterable {
    case sqlite
    case postgresql
}

/// A database: transactions are synchronous closures that run on the database's own threads.
///
/// A closure holds no `await`, so nothing interleaves with it and no transaction stays open over a network wait. Both
/// engines behave alike:
/// - one write runs at a time, in the order of the calls; reads run beside it, each on one snapshot of what was
///   committed;
/// - a statement that fails dooms its transaction, even if the closure catches the error; use
///   ``Transaction/savepoint(_:)`` to try something and go on;
/// - a task that is cancelled while it waits leaves the queue with `CancellationError`; a body that has begun is
///   finished.
///
/// A database must be closed; its threads keep it alive until then.
package protocol Database: Sendable {
    /// The software behind this database, for the few statements that differ.
    var engine: Engine { get }

    /// Runs `body` in one read-only snapshot and returns what it returns.
    ///
    /// - Throws: What `body` throws, ``SQLError``, or `CancellationError` if the task was cancelled before `body`
    ///   began.
    func read<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value

    /// Runs `body` in one transaction and returns once it is durable; rolls back, then rethrows, if `body` throws.
    ///
    /// Transactions that wait at the same moment are committed together: each keeps its own fate until the commit,
    /// which succeeds or fails for all of them.
    /// - Throws: What `body` throws, ``SQLError``, or `CancellationError` if the task was cancelled before `body`
    ///   began.
    func write<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value

    /// Finishes the calls that wait, then closes every connection. Later calls fail with ``SQLError/Kind/closed``.
    func close() async throws
}
