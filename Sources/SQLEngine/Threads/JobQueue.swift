import Synchronization

/// Calls in the order they came, and the threads that serve them.
///
/// Threads are started when there is more to do than threads to do it, up to a limit. The thread that went idle last is
/// woken first: its caches are warm.
final class JobQueue: Sendable {
    private struct State {
        var waiting = FIFO<Job>()
        var idle: [Parker] = []
        var threadCount = 0
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private enum Step {
        case none
        case wake(Parker)
        case startThread
        case refuse(any Error)
    }

    private let state = Mutex(State())
    private let threadLimit: Int
    private let name: String
    /// What a thread does: take jobs until there are no more.
    private let serve: @Sendable (JobQueue) -> Void

    init(name: String, threadLimit: Int, serve: @escaping @Sendable (JobQueue) -> Void) {
        self.name = name
        self.threadLimit = threadLimit
        self.serve = serve
    }

    /// Runs `body` on one of the threads.
    func run<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value {
        // The closure isn't kept past this call: the job drops it before it resumes us.
        try await withoutActuallyEscaping(body) { body in
            let job = ValueJob(body)
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    job.prepare(continuation)
                    enqueue(job)
                }
            } onCancel: {
                cancel(job)
            }
        }
    }

    /// The next job, waiting for one if need be; `nil` once the queue is closed and empty.
    func take(_ parker: Parker) -> Job? {
        enum Found {
            case job(Job)
            case nothing
            case end
        }
        while true {
            let found: Found = state.withLock { state in
                if let job = state.waiting.popFirst() { return .job(job) }
                if state.isClosed { return .end }
                state.idle.append(parker)
                return .nothing
            }
            switch found {
            case .job(let job): return job
            case .nothing: parker.park()
            case .end: return nil
            }
        }
    }

    /// The next job if one is waiting.
    func takeIfWaiting() -> Job? {
        state.withLock { $0.waiting.popFirst() }
    }

    /// Refuses new jobs, and returns when those that wait are done and the threads have ended.
    func close() async {
        await withCheckedContinuation { continuation in
            let (idle, isDone) = state.withLock { state in
                state.isClosed = true
                let idle = state.idle
                state.idle = []
                if state.threadCount > 0 { state.closers.append(continuation) }
                return (idle, state.threadCount == 0)
            }
            for parker in idle {
                parker.unpark()
            }
            if isDone { continuation.resume() }
        }
    }

    private func enqueue(_ job: Job) {
        let step: Step = state.withLock { state in
            if job.isCancelled { return .refuse(CancellationError()) }
            if state.isClosed { return .refuse(SQLError.closed) }
            state.waiting.append(job)
            if let parker = state.idle.popLast() { return .wake(parker) }
            if state.threadCount < threadLimit {
                state.threadCount += 1
                return .startThread
            }
            return .none
        }
        switch step {
        case .none: break
        case .wake(let parker): parker.unpark()
        case .refuse(let error): job.fail(error)
        case .startThread: startThread(named: name) { self.serveUntilClosed() }
        }
    }

    private func cancel(_ job: Job) {
        let removed = state.withLock { state in
            job.markCancelled()
            return state.waiting.removeFirst { $0 === job }
        }
        removed?.fail(CancellationError())
    }

    private func serveUntilClosed() {
        serve(self)
        let closers = state.withLock { state in
            state.threadCount -= 1
            guard state.threadCount == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers {
            closer.resume()
        }
    }
}

/// First in, first out, in amortized constant time.
struct FIFO<Element> {
    private var items: [Element?] = []
    private var head = 0

    mutating func append(_ element: Element) {
        items.append(element)
    }

    mutating func popFirst() -> Element? {
        while head < items.count {
            let element = items[head]
            items[head] = nil
            head += 1
            if head == items.count {
                items.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 64, head * 2 >= items.count {
                items.removeSubrange(..<head)
                head = 0
            }
            if let element { return element }
        }
        return nil
    }

    /// Takes the first element that fits out of the middle.
    mutating func removeFirst(where fits: (Element) -> Bool) -> Element? {
        for index in head..<items.count {
            guard let element = items[index], fits(element) else { continue }
            items[index] = nil
            return element
        }
        return nil
    }
}
