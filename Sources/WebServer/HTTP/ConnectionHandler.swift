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

    /// A request that arrives.
    struct Incoming {
        let head: RequestHead
        let plan: Dispatcher.Plan
        let received: NIODeadline
        var body: [UInt8] = []
    }

    let listener: ActiveListener
    let loop: LoopState
    private(set) var context: ChannelHandlerContext?
    private(set) var socketAddress = ""
    var state = ConnectionState()
    private var incoming: Incoming?
    var task: Task<Void, Never>?
    /// The body that a handler reads while it arrives.
    var pipe: BodyPipe?
    /// When the request whose body is streamed arrived, plus the time that its client was held since.
    var bodyClock = NIODeadline.distantPast
    var heldSince: NIODeadline?
    var waitsForGoOn = false
    /// The answer that is sent piece by piece.
    var outgoing: Outgoing?
    private var queue = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 2)
    private var queuedBytes = 0
    private var isReadHeld = false
    private var isTaking = false
    private(set) var isGone = false
    /// When the client has to have done what it is to do next, or the connection is closed.
    var deadline = NIODeadline.distantFuture
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
    func resumeBody() {
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
}
