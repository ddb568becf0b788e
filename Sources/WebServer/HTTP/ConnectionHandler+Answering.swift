import Logging
import MatrixCore
import NIOCore
import NIOHTTP1

/// Starting handlers, and sending what they answer.
extension ConnectionHandler {
    /// Starts a handler that reads the body while it arrives.
    func startStreamed(_ incoming: Incoming, _ route: Route, _ parameters: [Range<Int>]) {
        guard let context else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        waitsForGoOn = incoming.head.expectsContinue
        pipe = BodyPipe(isHeld: waitsForGoOn) { eventLoop.execute { handler.value.resumeBody() } }
        bodyClock = incoming.received
        heldSince = nil
        let bodyDeadline = deadline
        start(incoming, route, parameters)
        deadline = bodyDeadline
    }

    /// Gives up the body that a handler reads, after what it got of it.
    func endPipe(with error: any Error) {
        pipe?.fail(error)
        pipe = nil
        waitsForGoOn = false
    }

    func start(_ incoming: Incoming, _ route: Route, _ parameters: [Range<Int>]) {
        guard let context else { return }
        deadline = .distantFuture
        let request = Request(
            number: listener.nextRequestNumber(), head: incoming.head, route: route, parameters: parameters,
            body: incoming.body, pipe: pipe, clientAddress: clientAddress(incoming.head),
            isSecure: isSecure(incoming.head),
            outsideID: listener.requestIDHeader.flatMap { incoming.head.headers.first(name: $0) })
        let dispatcher = listener.dispatcher
        let received = incoming.received
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        task = Task(executorPreference: loop.executor) {
            let outcome = await dispatcher.respond(to: request)
            if case .stream(let stream) = outcome.reply.body {
                await Outgoing.send(stream, outcome, of: request, received: received, dispatcher, on: handler)
            } else if eventLoop.inEventLoop {
                handler.value.finish(outcome, of: request, received: received)
            } else {
                eventLoop.execute { handler.value.finish(outcome, of: request, received: received) }
            }
        }
    }

    private func clientAddress(_ head: RequestHead) -> String {
        guard listener.trustsForwardedFor, let forwarded = head.forwardedFor else { return socketAddress }
        let first = forwarded.utf8.prefix { $0 != UInt8(ascii: ",") }
        return String(Substring(first)).trimmingSpaces
    }

    private func isSecure(_ head: RequestHead) -> Bool {
        listener.certificate != nil
            || listener.trustsForwardedFor && head.forwardedProtocol?.isSameHeader(as: "https") == true
    }

    private func finish(_ outcome: Dispatcher.Outcome, of request: Request, received: NIODeadline) {
        task = nil
        guard !isGone else {
            listener.connections.release()
            record(nil, request, since: received, outcome)
            return
        }
        record(outcome.reply, bytes: outcome.reply.byteCount, request, since: received, outcome)
        write(outcome.reply, for: request.head)
    }

    /// Ends the task that streamed an answer.
    /// - Parameter bytes: How many bytes of body the client was sent; `nil` if it hung up.
    func finishStreamed(_ outcome: Dispatcher.Outcome, bytes: Int?, of request: Request, received: NIODeadline) {
        task = nil
        outgoing = nil
        if isGone { listener.connections.release() }
        record(bytes == nil ? nil : outcome.reply, bytes: bytes ?? 0, request, since: received, outcome)
    }

    func finish(_ reply: Reply, _ incoming: Incoming, _ metrics: EndpointMetrics) {
        record(
            reply, bytes: reply.byteCount, incoming.head, metrics, since: incoming.received,
            id: "\(incoming.head.methodName)-\(listener.nextRequestNumber())", user: nil)
        write(reply, for: incoming.head)
    }

    func write(_ reply: Reply, for head: RequestHead?) {
        guard let context, case .bytes(let body) = reply.body else { return }
        state.answering()
        let buffer = listener.writer.write(
            reply, body, date: loop.date(), isHead: head?.isHead ?? false, persistence(for: head),
            context.channel.allocator)
        complete(with: buffer)
    }

    func persistence(for head: RequestHead?) -> AnswerWriter.Persistence {
        state.isLast ? .close : head?.isHTTP10 == true ? .keepAndSaySo : .keep
    }

    /// Writes the end of an answer and goes on to whatever comes next.
    func complete(with buffer: ByteBuffer) {
        guard let context else { return }
        let size = buffer.readableBytes
        let written = state.isLast ? context.eventLoop.makePromise(of: Void.self) : nil
        context.writeAndFlush(wrapOutboundOut(buffer), promise: written)
        // A handler may answer before it has the whole body; what else comes of it is dropped.
        if pipe != nil { endPipe(with: CancellationError()) }
        readDeadline = .distantFuture
        let now = NIODeadline.now()
        switch state.answered(isWritable: context.channel.isWritable) {
        case .next:
            deadline = now + timeouts.idle + timeouts.transfer(of: size)
            takeQueued()
        case .wait:
            deadline = now + timeouts.idle + timeouts.transfer(of: size)
        case .drain:
            deadline = now + timeouts.drain
            takeQueued()
        case .close:
            deadline = now + timeouts.drain + timeouts.transfer(of: size)
            let channel = context.channel
            written?.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    private func record(
        _ reply: Reply?, bytes: Int = 0, _ request: Request, since received: NIODeadline, _ outcome: Dispatcher.Outcome
    ) {
        record(
            reply, bytes: bytes, request.head, request.route.metrics, since: received, id: request.id,
            user: outcome.requester)
    }

    /// Counts an answer and logs its line.
    /// - Parameter reply: `nil` if the client hung up before it.
    private func record(
        _ reply: Reply?, bytes: Int, _ head: RequestHead, _ metrics: EndpointMetrics, since received: NIODeadline,
        id: @autoclosure () -> String, user: Requester?
    ) {
        let seconds = Double((NIODeadline.now() - received).nanoseconds) / 1e9
        // 499, as reverse proxies count requests whose client did not wait.
        metrics.answered(status: reply?.status ?? 499, seconds: seconds)
        guard listener.accessLogger.logLevel <= .info else { return }
        listener.accessLogger.info(
            AccessLine.text(
                client: clientAddress(head), listener: listener.name, user: user?.user.string, head: head,
                status: reply?.status, bytes: bytes, seconds: seconds),
            metadata: ["request": "\(id())"])
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let start = utf8.drop(while: isSpace)
        let end = start.lastIndex { !isSpace($0) }
        return end.map { String(Substring(start[...$0])) } ?? ""
    }
}
