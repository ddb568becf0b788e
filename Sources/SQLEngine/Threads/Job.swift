/// A call that waits for its transaction.
///
/// `@unchecked Sendable`: handed from the caller to the queue to one thread, each touching it only while it has it; the
/// queue's lock orders the hand-overs.
class Job: @unchecked Sendable {
    /// Set under the queue's lock by a cancellation that came before the job was queued.
    private(set) var isCancelled = false

    /// Runs the body and keeps what it returns. Returns the error if it threw or left its transaction doomed.
    func perform(in transaction: Transaction) -> (any Error)? {
        preconditionFailure("Job is abstract")
    }

    /// Resumes the caller with what the body returned.
    func succeed() {
        preconditionFailure("Job is abstract")
    }

    /// Resumes the caller with an error, whatever the body returned.
    func fail(_ error: any Error) {
        preconditionFailure("Job is abstract")
    }

    func markCancelled() {
        isCancelled = true
    }
}

/// A call for a `Value`.
final class ValueJob<Value: Sendable>: Job, @unchecked Sendable {
    private var body: (@Sendable (Transaction) throws -> Value)?
    private var continuation: CheckedContinuation<Value, any Error>?
    private var value: Value?

    init(_ body: @escaping @Sendable (Transaction) throws -> Value) {
        self.body = body
    }

    /// Says whom to resume; called before the job is queued.
    func prepare(_ continuation: CheckedContinuation<Value, any Error>) {
        self.continuation = continuation
    }

    override func perform(in transaction: Transaction) -> (any Error)? {
        guard let body else { preconditionFailure("a job runs once") }
        defer { self.body = nil }
        do {
            value = try body(transaction)
            return transaction.failure
        } catch {
            return error
        }
    }

    override func succeed() {
        guard let value else { preconditionFailure("a job succeeds after its body has returned") }
        self.value = nil
        continuation?.resume(returning: value)
        continuation = nil
    }

    override func fail(_ error: any Error) {
        // The caller's closure doesn't escape: it must be gone before the caller goes on.
        body = nil
        value = nil
        continuation?.resume(throwing: error)
        continuation = nil
    }
}
