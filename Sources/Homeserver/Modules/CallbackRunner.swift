package import Logging
import MatrixCore
import Synchronization

/// Calls modules' callbacks: with a deadline, out of reach of the client's cancellation, timed.
package struct CallbackRunner: Sendable {
    /// How long a callback may take (`module_settings.callback_timeout`).
    package let timeout: Duration
    private let log: Logger
    private let observe: (@Sendable (CallbackTiming) -> Void)?
    private let watch = DeadlineWatch()

    package init(
        timeout: Duration = .seconds(30), log: Logger, observe: (@Sendable (CallbackTiming) -> Void)? = nil
    ) {
        self.timeout = timeout
        self.log = log
        self.observe = observe
    }

    /// Which callback of which module is called.
    struct Target: Sendable {
        let module: String
        let callback: ModuleCallback
        let meter: CallbackMeter
    }

    /// Calls a callback that may deny.
    ///
    /// The callback is allowed to finish even if the caller is cancelled meanwhile; the cancellation is then thrown.
    /// - Parameters:
    ///   - denial: What an answer amounts to; `nil` if it allows.
    ///   - failure: What the client sees if the callback throws anything but a `MatrixError`, or takes too long.
    ///   - hidesMatrixErrors: Whether a `MatrixError` is a failure like any other.
    /// - Throws: `MatrixError` if the callback denied or failed; `CancellationError`.
    func call<Answer: Sendable>(
        _ target: Target,
        failure: MatrixError = .internalError,
        hidesMatrixErrors: Bool = false,
        denial: (Answer) -> MatrixError? = { _ in nil },
        _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let start = ContinuousClock.now
        let result = await finish(body, by: start + timeout)
        let duration = ContinuousClock.now - start
        switch result {
        case .success(let answer):
            let error = denial(answer)
            report(target, error == nil ? .ok : .denied, duration)
            if let error { throw error }
            try Task.checkCancellation()
            return answer
        case .failure(let error):
            if !hidesMatrixErrors, let error = matrixError(error) {
                report(target, .denied, duration)
                throw error
            }
            reportFailure(target, error, duration, .error)
            try Task.checkCancellation()
            throw failure
        }
    }

    /// Calls a callback whose failure is not the client's: it goes to the log, at this level, and there is no answer.
    /// - Parameter isDenial: Whether an answer denies, for the metrics.
    /// - Throws: `CancellationError`.
    func attempt<Answer: Sendable>(
        _ target: Target, logging level: Logger.Level, isDenial: (Answer) -> Bool = { _ in false },
        _ body: @escaping @Sendable () async throws -> Answer
    ) async throws(CancellationError) -> Answer? {
        let start = ContinuousClock.now
        let result = await finish(body, by: start + timeout)
        let duration = ContinuousClock.now - start
        switch result {
        case .success(let answer):
            report(target, isDenial(answer) ? .denied : .ok, duration)
            if Task.isCancelled { throw CancellationError() }
            return answer
        case .failure(let error):
            reportFailure(target, error, duration, level)
            if Task.isCancelled { throw CancellationError() }
            return nil
        }
    }

    /// Calls a callback that is only told something. It cannot fail the caller: errors go to the log.
    func notify(
        _ target: Target, logging level: Logger.Level = .error, _ body: @escaping @Sendable () async throws -> Void
    ) async {
        let start = ContinuousClock.now
        let result = await finish(body, by: start + timeout)
        let duration = ContinuousClock.now - start
        switch result {
        case .success: report(target, .ok, duration)
        case .failure(let error): reportFailure(target, error, duration, level)
        }
    }

    /// Runs `body` in a task of its own, so that the caller's cancellation does not reach it.
    private func finish<Answer: Sendable>(
        _ body: @escaping @Sendable () async throws -> Answer, by deadline: ContinuousClock.Instant
    ) async -> Result<Answer, any Error> {
        let pending = PendingAnswer<Answer>()
        let task = Task<Void, Never>.startingHere {
            do {
                pending.settle(.success(try await body()))
            } catch {
                pending.settle(.failure(error))
            }
        }
        // The usual case: the callback never suspended, so there is nothing to wait for and nothing to watch.
        if let result = pending.result {
            return ContinuousClock.now < deadline ? result : .failure(CallbackTimeout(after: timeout))
        }
        let entry = watch.add(deadline: deadline) { [timeout] in
            pending.settle(.failure(CallbackTimeout(after: timeout)))
            task.cancel()
        }
        defer { watch.remove(entry) }
        return await pending.wait()
    }

    private func matrixError(_ error: any Error) -> MatrixError? {
        (error as? any MatrixErrorConvertible)?.matrixError
    }

    private func report(_ target: Target, _ outcome: CallbackOutcome, _ duration: Duration) {
        target.meter.record(outcome, duration)
        observe?(
            CallbackTiming(
                module: target.module, callback: target.callback, outcome: outcome, duration: duration))
    }

    private func reportFailure(
        _ target: Target, _ error: any Error, _ duration: Duration, _ level: Logger.Level
    ) {
        report(target, error is CallbackTimeout ? .timedOut : .failed, duration)
        log.log(level: level, "Module \(target.module) failed in \(target.callback.name): \(error)")
    }
}

/// A callback did not answer in time.
private struct CallbackTimeout: Error, CustomStringConvertible {
    let after: Duration
    init(after: Duration) { self.after = after }
    var description: String { "no answer within \(after.formattedSeconds)" }
}

extension Duration {
    fileprivate var formattedSeconds: String {
        let (seconds, attoseconds) = components
        return attoseconds == 0 ? "\(seconds) s" : "\(Double(seconds) + Double(attoseconds) / 1e18) s"
    }
}

/// The answer of a running callback, and whoever waits for it. Only the first of several answers counts.
private final class PendingAnswer<Answer: Sendable>: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Result<Answer, any Error>, Never>)
        case settled(Result<Answer, any Error>)
    }

    private let state = Mutex(State.running)

    var result: Result<Answer, any Error>? {
        state.withLock { if case .settled(let result) = $0 { result } else { nil } }
    }

    func settle(_ result: Result<Answer, any Error>) {
        let waiter: CheckedContinuation<Result<Answer, any Error>, Never>? = state.withLock { state in
            switch state {
            case .settled: return nil
            case .running:
                state = .settled(result)
                return nil
            case .awaited(let continuation):
                state = .settled(result)
                return continuation
            }
        }
        waiter?.resume(returning: result)
    }

    /// The answer, once there is one. At most one caller may wait.
    func wait() async -> Result<Answer, any Error> {
        await withCheckedContinuation { continuation in
            let settled: Result<Answer, any Error>? = state.withLock { state in
                if case .settled(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}

extension Task where Failure == Never {
    /// Starts a task on the caller's thread where the system can, which saves a thread switch if it never suspends.
    @discardableResult
    fileprivate static func startingHere(
        _ operation: sending @escaping @isolated(any) () async -> Success
    ) -> Task<Success, Never> {
        if #available(macOS 26.0, iOS 26.0, tvOS 26.0, watchOS 26.0, visionOS 26.0, *) {
            Task.immediate(operation: operation)
        } else {
            Task(operation: operation)
        }
    }
}
