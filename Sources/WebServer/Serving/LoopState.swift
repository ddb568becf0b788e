import Glibc
import NIOCore

/// What the connections of one event loop share. Used on that loop only.
final class LoopState {
    let eventLoop: any EventLoop
    let executor: LoopExecutor
    private var handlers: [ObjectIdentifier: ConnectionHandler] = [:]
    private var sweep: RepeatedTask?
    private let sweepInterval: TimeAmount
    private var dateSecond = -1
    private var dateText = ""

    /// - Parameter sweepInterval: How often connections are looked through for ones that are overdue. One timer for all of
    ///   them costs a request nothing, which a timer each would not.
    init(_ eventLoop: any EventLoop, sweepInterval: TimeAmount) {
        self.eventLoop = eventLoop
        self.sweepInterval = sweepInterval
        executor = LoopExecutor(eventLoop)
    }

    func add(_ handler: ConnectionHandler) {
        handlers[ObjectIdentifier(handler)] = handler
        if sweep == nil {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            sweep = eventLoop.scheduleRepeatedTask(initialDelay: sweepInterval, delay: sweepInterval) { _ in
                bound.value.closeOverdue()
            }
        }
    }

    func remove(_ handler: ConnectionHandler) {
        handlers[ObjectIdentifier(handler)] = nil
        if handlers.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }

    func forEach(_ action: (ConnectionHandler) -> Void) {
        for handler in Array(handlers.values) { action(handler) }
    }

    private func closeOverdue() {
        let now = NIODeadline.now()
        forEach { $0.closeIfOverdue(at: now) }
    }

    /// The value of the `Date` header, written anew once a second.
    func date() -> String {
        let second = time(nil)
        if second != dateSecond {
            dateSecond = second
            dateText = HTTPDate.text(second)
        }
        return dateText
    }
}

/// Runs tasks on an event loop, so that a handler's answer is written where its connection lives, without a change of
/// threads before or after (docs/decisions/0001-http-on-nio.md has what that saves).
final class LoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
