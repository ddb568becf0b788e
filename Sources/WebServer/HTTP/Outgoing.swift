import Glibc
import MatrixCore
import NIOCore

/// An answer that is sent piece by piece. Used on its connection's event loop only.
final class Outgoing {
    let framing: Framing
    /// How many bytes of body were sent.
    private(set) var sent = 0
    private var waiting: CheckedContinuation<Void, any Error>?

    private init(_ framing: Framing) { self.framing = framing }

    /// Lets the stream go on, or tells it why it cannot.
    func resume(throwing error: (any Error)? = nil) {
        let waiting = self.waiting
        self.waiting = nil
        if let error { waiting?.resume(throwing: error) } else { waiting?.resume() }
    }

    // MARK: From the task of the request

    /// Sends an answer whose body `stream` writes.
    static func send(
        _ stream: Reply.Stream, _ outcome: Dispatcher.Outcome, of request: Request, received: NIODeadline,
        _ dispatcher: Dispatcher, on connection: NIOLoopBound<ConnectionHandler>
    ) async {
        let loop = connection.eventLoop
        await loop.run { connection.value.begin(outcome.reply, of: request) }
        let writer = BodyWriter { bytes in
            try Task.checkCancellation()
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    loop.runNow { connection.value.write(bytes, continuation) }
                }
            } onCancel: {
                loop.execute { connection.value.outgoing?.resume(throwing: CancellationError()) }
            }
        }
        let failure = await failure(of: stream, writer)
        let fault = await loop.run { () -> (any Error)? in
            connection.value.end(failure, outcome, of: request, received: received)
        }
        if let fault { dispatcher.logBrokenOff(fault, of: request) }
    }

    private static func failure(of stream: Reply.Stream, _ writer: BodyWriter) async -> (any Error)? {
        do {
            try await stream(writer)
            return nil
        } catch {
            return error
        }
    }

    // MARK: On the event loop

    fileprivate static func begun(_ framing: Framing) -> Outgoing { Outgoing(framing) }

    /// Counts some bytes.
    /// - Throws: ``BodyNotWanted`` or ``BodyLengthMismatch`` if they may not be sent.
    fileprivate func count(_ bytes: Int) throws {
        switch framing {
        case .none: throw BodyNotWanted()
        case .length(let length) where bytes > length - sent: throw BodyLengthMismatch()
        case .length, .chunked, .close: sent += bytes
        }
    }

    /// Whether a writer waits for the client.
    fileprivate var isWaiting: Bool { waiting != nil }

    fileprivate func wait(_ continuation: CheckedContinuation<Void, any Error>) {
        waiting = continuation
    }
}

extension ConnectionHandler {
    /// Sends the head of an answer.
    fileprivate func begin(_ reply: Reply, of request: Request) {
        guard let context, !isGone else { return }
        let framing = Framing.ofStream(reply, isHead: request.head.isHead, isHTTP10: request.head.isHTTP10)
        state.answering(isDelimited: framing != .close)
        outgoing = .begun(framing)
        let head = listener.writer.head(
            reply, date: loop.date(), framing, persistence(for: request.head), context.channel.allocator)
        context.write(wrapOutboundOut(head), promise: nil)
        // With the first piece, if that comes at once.
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { connection.value.context?.flush() }
    }

    /// Sends a piece of the body, and resumes `continuation` when the client keeps up.
    fileprivate func write(_ bytes: [UInt8], _ continuation: CheckedContinuation<Void, any Error>) {
        guard let context, let outgoing, !isGone else { return continuation.resume(throwing: ClientHungUp()) }
        // Module code decides who writes: its mistake must not end the server.
        guard !outgoing.isWaiting else { return continuation.resume(throwing: BodyInUse()) }
        do { try outgoing.count(bytes.count) } catch { return continuation.resume(throwing: error) }
        // An empty chunk would end the body.
        guard !bytes.isEmpty else { return continuation.resume() }
        let piece = listener.writer.piece(bytes, outgoing.framing, context.channel.allocator)
        context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
        guard !context.channel.isWritable, !isGone else { return continuation.resume() }
        readDeadline = .now() + timeouts.idle + timeouts.transfer(of: bytes.count)
        outgoing.wait(continuation)
    }

    /// Completes an answer, or breaks it off.
    /// - Returns: Why it was broken off, if that was not the client's doing.
    fileprivate func end(
        _ failure: (any Error)?, _ outcome: Dispatcher.Outcome, of request: Request, received: NIODeadline
    ) -> (any Error)? {
        guard let context, let outgoing, !isGone else {
            finishStreamed(outcome, bytes: nil, of: request, received: received)
            return nil
        }
        let (framing, sent) = (outgoing.framing, outgoing.sent)
        finishStreamed(outcome, bytes: sent, of: request, received: received)
        var failure = failure
        switch framing {
        case .none: failure = nil
        case .length(let length) where failure == nil && sent != length: failure = BodyLengthMismatch()
        case .length, .chunked, .close: break
        }
        guard let failure else {
            complete(with: framing == .chunked ? AnswerWriter.lastChunk : ByteBuffer())
            return nil
        }
        let channel = context.channel
        if framing == .close {
            // To this client, a connection that ends in order is an answer that is complete: it has to be reset.
            let reset = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            (reset ?? context.eventLoop.makeSucceededVoidFuture()).whenComplete { _ in channel.close(promise: nil) }
        } else {
            channel.close(promise: nil)
        }
        return failure is CancellationError ? nil : failure
    }
}

extension EventLoop {
    /// Runs `body` at once if this is the event loop's thread, else as soon as possible.
    fileprivate func runNow(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }

    /// Runs `body` on the event loop and waits for it.
    fileprivate func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        if inEventLoop { return body() }
        return await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}
