import Synchronization

/// The way out of a connection: frames go to the socket one whole after the other, in the order of the calls.
///
/// A frame is written by whoever sends it. Only if the socket takes no more is the rest queued, and a thread of ours writes
/// it as the other side reads. Whoever produces many frames awaits ``room()`` before each.
final class FrameWriter: Sendable {
    private struct State {
        var queue: [FrameText] = []
        var queuedBytes = 0
        /// Frames are queued, or in the hands of the thread.
        var isQueueing = false
        var isThreadRunning = false
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// Above this many queued bytes senders wait.
    private static let highWater = 4 << 20
    /// At this many the other side has stopped reading for good.
    private static let limit = 640 << 20

    private let socket: Socket
    private let state = Mutex(State())
    private let parker = Parker()

    init(_ socket: Socket) { self.socket = socket }

    /// How many bytes wait for the other side to read.
    var queuedBytes: Int { state.withLock { $0.queuedBytes } }

    /// Sends a frame, at once or after those before it. Never waits.
    /// - Returns: Whether the connection still stands.
    @discardableResult
    func send(_ frame: FrameText) -> Bool {
        enum Next {
            case done(Bool)
            case startThread
            case wakeThread
        }
        let next: Next = state.withLock { state in
            guard !state.isClosed else { return .done(false) }
            var rest = frame
            if !state.isQueueing {
                switch frame.bytes.withUnsafeBytes({ socket.write($0, waiting: false) }) {
                case .broken:
                    state.isClosed = true
                    return .done(false)
                case .bytes(let count):
                    if count == frame.bytes.count { return .done(true) }
                    rest.drop(count)
                }
            }
            let wasQueueing = state.isQueueing
            state.queue.append(rest)
            state.queuedBytes += rest.bytes.count
            state.isQueueing = true
            if state.queuedBytes > Self.limit { state.isClosed = true }
            if wasQueueing { return .done(!state.isClosed) }
            defer { state.isThreadRunning = true }
            return state.isThreadRunning ? .wakeThread : .startThread
        }
        switch next {
        case .done(let isOpen):
            if !isOpen { close() }
            return isOpen
        case .startThread: startThread(named: "python-out") { self.writeQueue() }
        case .wakeThread: parker.unpark()
        }
        return true
    }

    /// Waits while more is queued than the other side can be expected to read soon.
    func room() async {
        let isFull = state.withLock { !$0.isClosed && $0.queuedBytes > Self.highWater }
        guard isFull else { return }
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard !state.isClosed, state.queuedBytes > Self.highWater else { return false }
                state.waiting.append(continuation)
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    /// Refuses further frames, breaks the connection off and lets the thread end.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            state.queue = []
            state.queuedBytes = 0
            defer { state.waiting = [] }
            return state.waiting
        }
        socket.shutDown()
        parker.unpark()
        for waiter in waiting { waiter.resume() }
    }

    private func writeQueue() {
        while true {
            let (batch, isClosed) = state.withLock { state in
                defer { state.queue = [] }
                if state.queue.isEmpty { state.isQueueing = false }
                return (state.queue, state.isClosed)
            }
            if isClosed { return }
            if batch.isEmpty { parker.park() }
            for frame in batch {
                guard case .bytes = frame.bytes.withUnsafeBytes({ socket.write($0, waiting: true) }) else {
                    return close()
                }
                let waiting = state.withLock { state in
                    state.queuedBytes = max(0, state.queuedBytes - frame.bytes.count)
                    guard state.queuedBytes <= Self.highWater / 2 else { return [CheckedContinuation<Void, Never>]() }
                    defer { state.waiting = [] }
                    return state.waiting
                }
                for waiter in waiting { waiter.resume() }
            }
        }
    }
}
