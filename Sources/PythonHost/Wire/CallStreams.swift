import Synchronization

/// The stream of bytes that comes with a call from the other side.
///
/// The other side may send only what was granted; more is granted as the bytes are read.
final class IncomingStream: AsyncSequence, Sendable {
    typealias Element = [UInt8]

    private enum End {
        case complete
        case broken(any Error)
    }

    private struct State {
        var chunks: ArraySlice<[UInt8]> = []
        /// What the other side may still send.
        var credit = Frame.initialCredit
        /// What was read and not granted anew yet.
        var consumed = 0
        var end: End?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    /// Tells the other side that so many bytes more may come.
    private let grant: @Sendable (Int) -> Void

    init(grant: @escaping @Sendable (Int) -> Void) { self.grant = grant }

    /// Takes bytes from the connection.
    /// - Throws: ``ProtocolError`` if more come than were granted.
    func receive(_ bytes: [UInt8]) throws(ProtocolError) {
        let (isGranted, waiter) = state.withLock { state in
            guard state.end == nil else { return (true, nil as CheckedContinuation<Void, Never>?) }
            state.credit -= bytes.count
            guard state.credit >= 0 else { return (false, nil) }
            if !bytes.isEmpty { state.chunks.append(bytes) }
            defer { state.waiter = nil }
            return (true, state.waiter)
        }
        waiter?.resume()
        if !isGranted { throw ProtocolError("more bytes in a stream than were granted") }
    }

    /// No more will come: the stream is complete, or, with an error, broken off.
    func finish(_ error: (any Error)? = nil) {
        let waiter = state.withLock { state in
            if state.end == nil { state.end = error.map { .broken($0) } ?? .complete }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next bytes; `nil` at the end. One caller at a time.
    private func next() async throws -> [UInt8]? {
        enum Step {
            case chunk([UInt8], grant: Int)
            case end(End)
            case wait
        }
        while true {
            let step: Step = state.withLock { state in
                if let chunk = state.chunks.popFirst() {
                    state.consumed += chunk.count
                    guard state.consumed >= Frame.initialCredit / 2, state.end == nil else {
                        return .chunk(chunk, grant: 0)
                    }
                    defer { state.consumed = 0 }
                    state.credit += state.consumed
                    return .chunk(chunk, grant: state.consumed)
                }
                return state.end.map { .end($0) } ?? .wait
            }
            switch step {
            case .chunk(let chunk, let count):
                if count > 0 { grant(count) }
                return chunk
            case .end(.complete): return nil
            case .end(.broken(let error)): throw error
            case .wait: await wait()
            }
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.chunks.isEmpty, state.end == nil else { return false }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() } else if Task.isCancelled { finish(CancellationError()) }
            }
        } onCancel: {
            finish(CancellationError())
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: IncomingStream
        mutating func next() async throws -> [UInt8]? { try await stream.next() }
    }

    func makeAsyncIterator() -> Iterator { Iterator(stream: self) }
}

/// The stream of bytes that goes with a call to the other side.
final class OutgoingStream: Sendable {
    private struct State {
        /// Nothing may be sent before the call itself is.
        var credit = 0
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private static let chunk = 65_536

    private let state = Mutex(State())
    private let call: UInt32
    private let writer: FrameWriter

    init(call: UInt32, writer: FrameWriter) { (self.call, self.writer) = (call, writer) }

    /// Waits until the call is sent.
    func ready() async { await wait() }

    /// Sends bytes as fast as the other side takes them.
    /// - Throws: `CancellationError` if nobody wants them any more.
    func send(_ bytes: ArraySlice<UInt8>) async throws {
        var rest = bytes
        while !rest.isEmpty {
            let count: Int? = state.withLock { state in
                guard !state.isClosed else { return nil }
                let count = min(state.credit, rest.count, Self.chunk)
                state.credit -= count
                return count
            }
            guard let count, !Task.isCancelled else { throw CancellationError() }
            if count == 0 {
                await wait()
            } else {
                await writer.room()
                writer.send(.plain(.data, call: call, rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Says that the stream is complete, or that it is broken off.
    func finish(_ kind: FrameKind = .end) {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        if wasOpen { writer.send(.plain(kind, call: call)) }
    }

    /// The other side takes so many bytes more.
    func add(credit: Int) {
        let waiter = state.withLock { state in
            state.credit = min(state.credit + credit, 1 << 30)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Nobody wants the bytes any more.
    func close() {
        let waiter = state.withLock { state in
            state.isClosed = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.credit == 0, !state.isClosed else { return false }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() } else if Task.isCancelled { close() }
            }
        } onCancel: {
            close()
        }
    }
}
