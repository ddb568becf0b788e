import NIOCore
import ServerMetrics
import Synchronization

/// Counts the open connections of all listeners, keeps them under a limit, and knows when the last one is gone.
final class Connections: Sendable {
    private struct State {
        /// Connections that are open, or whose handler is still at work.
        var open = 0
        var isStopping = false
        /// Listeners that stopped accepting when the limit was reached.
        var held: [@Sendable () -> Void] = []
        var waiting: CheckedContinuation<Bool, Never>?
    }

    let limit: Int
    private let gauge: Gauge
    private let state = Mutex(State())

    init(limit: Int, gauge: Gauge) {
        self.limit = limit
        self.gauge = gauge
    }

    var open: Int { state.withLock { $0.open } }
    var isStopping: Bool { state.withLock { $0.isStopping } }

    func opened() {
        gauge.add(1)
        hold()
    }

    func closed() {
        gauge.add(-1)
        release()
    }

    /// Counts one more, because of a handler that outlives its connection.
    func hold() { state.withLock { $0.open += 1 } }

    /// Counts one less.
    func release() {
        let (held, waiting) = state.withLock { state -> ([@Sendable () -> Void], CheckedContinuation<Bool, Never>?) in
            state.open -= 1
            let held = state.open < limit ? state.held : []
            if !held.isEmpty { state.held = [] }
            guard state.open == 0 else { return (held, nil) }
            defer { state.waiting = nil }
            return (held, state.waiting)
        }
        for resume in held { resume() }
        waiting?.resume(returning: true)
    }

    /// Whether one more may be accepted; if not, `resume` is called when one may.
    func mayAccept(orElse resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.open < limit { return true }
            state.held.append(resume)
            return false
        }
    }

    /// Has connections that are opened from now on closed at once.
    func beginStop() { state.withLock { $0.isStopping = true } }

    /// Waits until no connection is left, but no longer than `time`.
    /// - Returns: Whether none is left.
    func waitUntilGone(_ time: TimeAmount, on eventLoop: any EventLoop) async -> Bool {
        await withCheckedContinuation { continuation in
            let isGone = state.withLock { state in
                if state.open > 0 { state.waiting = continuation }
                return state.open == 0
            }
            guard !isGone else { return continuation.resume(returning: true) }
            eventLoop.scheduleTask(in: time) { self.giveUpWaiting() }
        }
    }

    private func giveUpWaiting() {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: false)
    }
}

/// Stops a listening socket from accepting while there are as many connections as may be; the others wait in its backlog.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let connections: Connections

    init(_ connections: Connections) { self.connections = connections }

    func read(context: ChannelHandlerContext) {
        let channel = context.channel
        if connections.mayAccept(orElse: { channel.read() }) { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let connections = self.connections
        connections.opened()
        unwrapInboundIn(data).closeFuture.whenComplete { _ in connections.closed() }
        context.fireChannelRead(data)
    }
}
