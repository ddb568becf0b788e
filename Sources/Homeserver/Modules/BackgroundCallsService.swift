package import Logging
package import ModuleAPI
import ServiceLifecycle
import Synchronization

/// Runs what modules want done beside the callbacks: from when they ask, which may be before the server listens, until the
/// server stops.
package final class BackgroundCallsService: Service, BackgroundCalls {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var lastNumber: UInt64 = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let log: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameter sleep: Waits so long; throws if the task is cancelled.
    package init(
        log: Logger, sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.log = log
        self.sleep = sleep
    }

    /// Waits for the server to stop, then cancels all calls and waits for those under way.
    package func run() async {
        try? await gracefulShutdown()
        await stop()
    }

    /// Cancels all calls and returns when they have ended. Later ones are not made.
    package func stop() async {
        let tasks = state.withLock { state in
            state.isStopped = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    @discardableResult
    package func loop(
        every interval: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall {
        start { [self] in
            var next = ContinuousClock.now + interval
            while !Task.isCancelled {
                guard (try? await sleep(max(.zero, next - .now))) != nil else { return }
                next = .now + interval
                await attempt(name, body)
            }
        }
    }

    @discardableResult
    package func call(
        after delay: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall {
        start { [self] in
            guard (try? await sleep(delay)) != nil else { return }
            await attempt(name, body)
        }
    }

    @discardableResult
    package func run(named name: String, _ body: @escaping @Sendable () async throws -> Void) -> BackgroundCall {
        start { [self] in await attempt(name, body) }
    }

    private func attempt(_ name: String, _ body: @Sendable () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError where Task.isCancelled {
            // It was told to end, and did.
        } catch {
            log.error("Background call '\(name)' failed: \(error)")
        }
    }

    /// Starts a task that this service owns until it ends.
    private func start(_ body: @escaping @Sendable () async -> Void) -> BackgroundCall {
        let task: Task<Void, Never>? = state.withLock { state in
            if state.isStopped { return nil }
            state.lastNumber += 1
            let number = state.lastNumber
            let task = Task.detached { [self] in
                await body()
                self.state.withLock { _ = $0.tasks.removeValue(forKey: number) }
            }
            state.tasks[number] = task
            return task
        }
        return BackgroundCall { task?.cancel() }
    }
}
