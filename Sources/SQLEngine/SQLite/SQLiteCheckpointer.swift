import Synchronization

/// Copies the write-ahead log into the database file on a thread and connection of its own, so that no commit waits for
/// it.
///
/// A passive checkpoint holds up nobody, but while writes go on there is always something new in the log, and a log
/// starts anew only when all of it is copied. So the writer copies the small rest itself when told that the bulk is
/// done.
final class SQLiteCheckpointer: Sendable {
    private enum Phase {
        case idle
        case copying
        case bulkIsDone
        case stopping
    }

    private struct State {
        var phase = Phase.idle
        /// The log length at which to start next.
        var threshold = SQLiteCheckpointer.interval
        var hasThread = false
        var stoppers: [CheckedContinuation<Void, Never>] = []
    }

    /// A checkpoint is due every so many pages of log: 8 MiB.
    private static let interval: Int32 = 2_048

    /// At so many pages the writer waits for the copying to end: the log must not outgrow a disk that is slower than
    /// it.
    private static let limit: Int32 = 4 * interval

    private let state = Mutex(State())
    private let parker = Parker()
    /// Where the writer waits.
    private let writer = Parker()
    private let path: String
    private let options: SQLiteOptions

    init(path: String, options: SQLiteOptions) {
        self.path = path
        self.options = options
    }

    /// Called after each commit: starts copying when the log of `pages` has grown enough, and tells whether the writer
    /// should copy the rest now.
    func leavesRest(ofLog pages: Int32) -> Bool {
        enum Step {
            case none
            case rest
            case copy(startThread: Bool)
        }
        while pages >= SQLiteCheckpointer.limit, state.withLock({ $0.phase == .copying }) {
            writer.park()
        }
        let step: Step = state.withLock { state in
            switch state.phase {
            case .bulkIsDone:
                state.phase = .idle
                // If a long read keeps the log from starting anew, wait for as much again before trying again.
                state.threshold = pages + SQLiteCheckpointer.interval
                return .rest
            case .idle:
                if pages < SQLiteCheckpointer.interval { state.threshold = SQLiteCheckpointer.interval }
                guard pages >= state.threshold else { return .none }
                state.phase = .copying
                defer { state.hasThread = true }
                return .copy(startThread: !state.hasThread)
            case .copying, .stopping:
                return .none
            }
        }
        switch step {
        case .none: return false
        case .rest: return true
        case .copy(startThread: true): startThread(named: "sql-checkpoint") { self.serve() }
        case .copy(startThread: false): parker.unpark()
        }
        return false
    }

    /// Returns when the thread has ended and its connection is closed.
    func stop() async {
        await withCheckedContinuation { continuation in
            let hasThread = state.withLock { state in
                state.phase = .stopping
                if state.hasThread { state.stoppers.append(continuation) }
                return state.hasThread
            }
            writer.unpark()
            if hasThread {
                parker.unpark()
            } else {
                continuation.resume()
            }
        }
    }

    private func serve() {
        var connection: SQLiteConnection?
        loop: while true {
            switch state.withLock({ $0.phase }) {
            case .stopping:
                break loop
            case .copying:
                // A connection that can't be opened now may be opened when the log has grown further.
                if connection == nil {
                    connection = try? SQLiteConnection(path: path, access: .write, options: options, checkpointer: nil)
                }
                connection?.checkpoint()
                state.withLock { state in
                    if state.phase == .copying { state.phase = .bulkIsDone }
                }
                writer.unpark()
            case .idle, .bulkIsDone:
                parker.park()
            }
        }
        connection?.close()
        let stoppers = state.withLock { state in
            state.hasThread = false
            defer { state.stoppers = [] }
            return state.stoppers
        }
        for stopper in stoppers {
            stopper.resume()
        }
    }
}
