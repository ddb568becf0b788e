import Logging
import MatrixCore
import NIOCore
import NIOHTTP1

/// Serves one connection: gathers requests, starts a task for each, writes the answers in order.
///
/// The decoder stands before it in the pipeline; answers are written as bytes, without an encoder.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// How much a client may send ahead of the answers before we stop reading.
    private static let maximumQueue = (parts: 64, bytes: 65_536)
    /// How much body of a request that nobody handles is read, so that the connection can be kept.
    private static let unwantedBodyLimit = 65_536

    private struct Incoming {
        let head: RequestHead
        let plan: Dispatcher.Plan
        let received: NIODeadline
        var body: [UInt8] = []
    }

    let listener: ActiveListener
    let loop: LoopState
    private(set) var context: ChannelHandlerContext?
    private var socketAddress = ""
    var state = ConnectionState()
    private var incoming: Incoming?
    private var task: Task<Void, Never>?
    /// The body that a handler reads while it arrives.
    private var pipe: BodyPipe?
    /// When the request whose body is streamed arrived, plus the time that its client was held since.
    private var bodyClock = NIODeadline.distantPast
    private var heldSince: NIODeadline?
    private var waitsForGoOn = false
    /// The answer that is sent piece by piece.
    var outgoing: Outgoing?
    private var queue = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 2)
    private var queuedBytes = 0
    private var isReadHeld = false
    private var isTaking = false
    private(set) var isGone = false
    /// When the client has to have done what it is to do next, or the connection is closed.
    private(set) var deadline = NIODeadline.distantFuture
    /// When the client has to have read what it was sent of an answer that is not complete.
    var readDeadline = NIODeadline.distantFuture

    init(_ listener: ActiveListener, _ loop: LoopState) {
        self.listener = listener
        self.loop = loop
    }

    var timeouts: WebServer.Timeouts { listener.configuration.timeouts }

    // MARK: Life of the connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { opened(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        opened(context)
        context.fireChannelActive()
    }

    private func opened(_ context: ChannelHandlerContext) {
        guard deadline == .distantFuture, !isGone else { return }
        socketAddress = context.channel.remoteAddress?.ipAddress ?? ""
        deadline = .now() + timeouts.firstRequest
        loop.add(self)
        if listener.connections.isStopping { stop() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        hungUp()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        hungUp()
        self.context = nil
    }

    private func hungUp() {
        guard !isGone else { return }
        isGone = true
        state.closed()
        (deadline, readDeadline) = (.distantFuture, .distantFuture)
        queue.removeAll()
        incoming = nil
        endPipe(with: ClientHungUp())
        outgoing?.resume(throwing: ClientHungUp())
        loop.remove(self)
        if let task {
            // The server is not done with a client before its handler is.
            listener.connections.hold()
            task.cancel()
        }
    }

    /// Closes the connection if its client is too slow.
    func closeIfOverdue(at now: NIODeadline) {
        if deadline <= now || readDeadline <= now { context?.close(promise: nil) }
    }

    /// Closes the connection as soon as no answer is due on it.
    func stop() {
        if state.stop() { context?.close(promise: nil) }
    }

    /// Cancels the handler that is at work, if one is.
    func cancelTask() { task?.cancel() }

    func disconnect() { context?.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow, is ByteToMessageDecoderError.PayloadTooLargeError:
            malformed(MatrixError(status: 431, code: .tooLarge, message: "Request header fields too large"))
        case is HTTPParserError, is ByteToMessageDecoderError:
            malformed(MatrixError(status: 400, code: .unknown, message: "Malformed HTTP request"))
        default:
            // The peer reset the connection, or TLS failed: there is nobody to tell.
            listener.logger.debug("Connection from \(socketAddress) failed: \(error)")
            context.close(promise: nil)
        }
    }

    private func malformed(_ error: MatrixError) {
        if state.malformed() {
            incoming = nil
            write(.error(error), for: nil)
        } else if !state.isBusy {
            context?.close(promise: nil)
        }
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        // Reading goes on while a handler works, for it is how we learn that the client hung up.
        let isFull = queue.count > Self.maximumQueue.parts || queuedBytes > Self.maximumQueue.bytes
        let isPipeFull = state.isExchanging && pipe?.isHeld == true
        isReadHeld = isFull || isPipeFull
        if !isReadHeld { return context.read() }
        if isPipeFull, heldSince == nil {
            heldSince = .now()
            deadline = .distantFuture
        }
    }

    /// Lets the client go on with a body after its handler lagged.
    private func resumeBody() {
        guard state.isExchanging, let context else { return }
        if let heldSince { bodyClock = bodyClock + (NIODeadline.now() - heldSince) }
        heldSince = nil
        deadline = bodyClock + timeouts.body + timeouts.transfer(of: state.received)
        if waitsForGoOn {
            waitsForGoOn = false
            // Not between the parts of an answer that has begun.
            if outgoing == nil { context.writeAndFlush(wrapOutboundOut(AnswerWriter.goOn), promise: nil) }
        }
        if isReadHeld { read(context: context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if state.isBusy || !queue.isEmpty {
            if case .body(let bytes) = part { queuedBytes += bytes.readableBytes }
            queue.append(part)
        } else {
            take(part)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            readDeadline = .distantFuture
            outgoing?.resume()
            if state.becameWritable() { takeQueued() }
        }
        context.fireChannelWritabilityChanged()
    }

    func takeQueued() {
        // The loop below goes on by itself; recursion would be as deep as the queue is long.
        guard !isTaking else { return }
        isTaking = true
        defer { isTaking = false }
        while !state.isBusy, let part = queue.popFirst() {
            if case .body(let bytes) = part { queuedBytes -= bytes.readableBytes }
            take(part)
        }
        if isReadHeld, let context { read(context: context) }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head): takeHead(head)
        case .body(let bytes): takeBody(bytes)
        case .end: takeEnd()
        }
    }

    private func takeHead(_ part: HTTPRequestHead) {
        guard state.phase == .idle else { return }
        let now = NIODeadline.now()
        let head = RequestHead(part)
        let plan = listener.dispatcher.plan(head)
        var (limit, isWelcome, isStreamed) = (Self.unwantedBodyLimit, false, false)
        if case .run(let route, _) = plan {
            (limit, isWelcome, isStreamed) = (route.bodyLimit, true, route.bodyDelivery == .stream)
        }
        let action = state.head(
            contentLength: head.contentLength, limit: limit, isWelcome: isWelcome, isStreamed: isStreamed,
            expectsContinue: head.expectsContinue, keepsAlive: head.keepsAlive)
        deadline = now + timeouts.body
        var incoming = Incoming(head: head, plan: plan, received: now)
        switch action {
        case .receive: break
        case .receiveAfterGoOn: context?.writeAndFlush(wrapOutboundOut(AnswerWriter.goOn), promise: nil)
        case .refuse: return refuse(incoming)
        }
        if isStreamed, case .run(let route, let parameters) = plan {
            return startStreamed(incoming, route, parameters)
        }
        // Memory is set aside for what has arrived, not for what a client announces.
        if let length = head.contentLength, isWelcome { incoming.body.reserveCapacity(min(length, 16_384)) }
        self.incoming = incoming
    }

    private func takeBody(_ bytes: ByteBuffer) {
        switch state.body(bytes.readableBytes) {
        case .keep:
            if case .run = incoming?.plan { incoming?.body.append(contentsOf: bytes.readableBytesView) }
            if let incoming { deadline = incoming.received + timeouts.body + timeouts.transfer(of: state.received) }
        case .drop: break
        case .deliver:
            pipe?.push(Array(bytes.readableBytesView))
            deadline = bodyClock + timeouts.body + timeouts.transfer(of: state.received)
        case .overflow: endPipe(with: RequestBody.tooLarge)
        case .refuse:
            if let incoming { refuse(incoming) }
        }
    }

    /// Answers a request before it has arrived.
    private func refuse(_ incoming: Incoming) {
        self.incoming = nil
        switch incoming.plan {
        case .refuse(let reply, let metrics): finish(reply, incoming, metrics)
        case .run(let route, _): finish(.error(RequestBody.tooLarge), incoming, route.metrics)
        }
    }

    private func takeEnd() {
        switch state.end() {
        case .answer:
            guard let incoming else { return }
            self.incoming = nil
            switch incoming.plan {
            case .refuse(let reply, let metrics): finish(reply, incoming, metrics)
            case .run(let route, let parameters): start(incoming, route, parameters)
            }
        case .deliver:
            deadline = .distantFuture
            pipe?.finish()
            pipe = nil
        case .close: context?.close(promise: nil)
        case .ignore: break
        }
    }

    // MARK: Answering

    /// Starts a handler that reads the body while it arrives.
    private func startStreamed(_ incoming: Incoming, _ route: Route, _ parameters: [Range<Int>]) {
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

    private func start(_ incoming: Incoming, _ route: Route, _ parameters: [Range<Int>]) {
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
        if listener.certificate != nil { return true }
        guard listener.trustsForwardedFor else { return false }
        return head.headers.first(name: "X-Forwarded-Proto")?.isSameHeader(as: "https") ?? false
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

    private func finish(_ reply: Reply, _ incoming: Incoming, _ metrics: EndpointMetrics) {
        record(
            reply, bytes: reply.byteCount, incoming.head, metrics, since: incoming.received,
            id: "\(incoming.head.methodName)-\(listener.nextRequestNumber())", user: nil)
        write(reply, for: incoming.head)
    }

    private func write(_ reply: Reply, for head: RequestHead?) {
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
