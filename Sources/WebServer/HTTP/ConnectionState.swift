/// Where a connection stands between two requests: a plain value that is told what happened and says what to do.
///
/// One request is taken at a time. What a client sends ahead waits with the shell until ``isBusy`` ends.
struct ConnectionState {
    enum Phase: Equatable {
        /// Waits for a request.
        case idle
        /// A request's body arrives.
        case receiving
        /// A request's body arrives, and its handler is at work already.
        case exchanging
        /// The request is whole; its answer is being worked out.
        case answering
        /// The answer is written, but the client has not read it.
        case flushing
        /// A request was answered before it had arrived; the rest of it is thrown away, so that the client reads the answer
        /// before it learns that the connection is closed.
        case draining
        case closed
    }

    enum HeadAction: Equatable {
        case receive
        /// The client waits for permission to send the body: give it.
        case receiveAfterGoOn
        /// The body is too large or not wanted: answer right away.
        case refuse
    }

    enum BodyAction: Equatable {
        case keep
        /// Give it to the handler.
        case deliver
        /// The body grew too large for the handler that reads it.
        case overflow
        case drop
        /// The body grew too large: answer right away.
        case refuse
    }

    enum EndAction: Equatable {
        case answer
        /// Tell the handler that it has all.
        case deliver
        case close
        case ignore
    }

    enum AnsweredAction: Equatable {
        /// Take the next request.
        case next
        /// Wait until the client has read.
        case wait
        /// Close once the answer is sent.
        case close
        /// Read on to the end of the request, but keep nothing.
        case drain
    }

    private(set) var phase = Phase.idle
    /// Whether the connection closes after the answer that is due.
    private(set) var isLast = false
    private(set) var received = 0
    private var limit = 0
    private var isWhole = true
    private var isOverfull = false

    /// Whether a further request has to wait.
    var isBusy: Bool { phase == .answering || phase == .flushing }
    /// Whether a handler is owed more of the request's body.
    var isExchanging: Bool { phase == .exchanging && !isOverfull }

    /// A request's head arrived.
    /// - Parameters:
    ///   - limit: How many bytes of body are taken.
    ///   - isWelcome: Whether there is somebody to handle the request; the body of any other one is dropped.
    ///   - isStreamed: Whether the handler starts at once and takes the body as it comes. It also says when the client is to
    ///     go on.
    mutating func head(
        contentLength: Int?, limit: Int, isWelcome: Bool, isStreamed: Bool = false, expectsContinue: Bool,
        keepsAlive: Bool
    ) -> HeadAction {
        guard phase == .idle else { return .receive }
        self.limit = limit
        received = 0
        isWhole = false
        isOverfull = false
        isLast = isLast || !keepsAlive
        phase = .receiving
        if let contentLength, contentLength > limit { return refuse() }
        if isStreamed {
            phase = .exchanging
            return .receive
        }
        guard expectsContinue else { return .receive }
        return isWelcome ? .receiveAfterGoOn : refuse()
    }

    private mutating func refuse() -> HeadAction {
        isLast = true
        phase = .answering
        return .refuse
    }

    mutating func body(_ count: Int) -> BodyAction {
        guard phase == .receiving || isExchanging else { return .drop }
        received += count
        if phase == .exchanging {
            isOverfull = received > limit
            return isOverfull ? .overflow : .deliver
        }
        guard received > limit else { return .keep }
        isLast = true
        phase = .answering
        return .refuse
    }

    /// The request's last byte arrived.
    mutating func end() -> EndAction {
        isWhole = true
        switch phase {
        case .receiving:
            phase = .answering
            return .answer
        case .exchanging:
            phase = .answering
            return isOverfull ? .ignore : .deliver
        case .draining:
            phase = .closed
            return .close
        case .idle, .answering, .flushing, .closed: return .ignore
        }
    }

    /// The answer is about to be written.
    /// - Parameter isDelimited: Whether the client can tell where it ends; if not, the end of the connection has to say so.
    mutating func answering(isDelimited: Bool = true) {
        // Whoever answers before it has all of the request may not want the rest.
        if phase == .exchanging || !isDelimited { isLast = true }
    }

    /// The answer was written.
    /// - Parameter isWritable: Whether the client keeps up with reading.
    mutating func answered(isWritable: Bool) -> AnsweredAction {
        guard phase == .answering || phase == .exchanging else { return .wait }
        if !isWhole {
            phase = .draining
            return .drain
        }
        if isLast {
            phase = .closed
            return .close
        }
        phase = isWritable ? .idle : .flushing
        return isWritable ? .next : .wait
    }

    /// The client read enough for more to be written.
    /// - Returns: Whether to take the next request.
    mutating func becameWritable() -> Bool {
        guard phase == .flushing else { return false }
        phase = .idle
        return true
    }

    /// What arrived is no HTTP.
    /// - Returns: Whether to say so; else the connection closes after the answer that is due, or at once if none is.
    mutating func malformed() -> Bool {
        isLast = true
        guard phase == .idle || phase == .receiving else { return false }
        isWhole = true
        phase = .answering
        return true
    }

    /// The server stops.
    /// - Returns: Whether to close at once; else the connection closes after the answer that is due.
    mutating func stop() -> Bool {
        isLast = true
        guard phase == .idle || phase == .flushing else { return false }
        phase = .closed
        return true
    }

    mutating func closed() { phase = .closed }
}
