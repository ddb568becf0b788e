/// Where a connection stands between two requests: a plain value that is told what happened and says what to do.
///
/// One request is taken at a time. What a client sends ahead waits with the shell until ``isBusy`` ends.
struct ConnectionState {
    enum Phase: Equatable {
        /// Waits for a request.
        case idle
        /// A request's body arrives.
        case receiving
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
        case drop
        /// The body grew too large: answer right away.
        case refuse
    }

    enum EndAction: Equatable {
        case answer
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

    /// Whether a further request has to wait.
    var isBusy: Bool { phase == .answering || phase == .flushing }

    /// A request's head arrived.
    /// - Parameters:
    ///   - limit: How many bytes of body are taken.
    ///   - isWelcome: Whether there is somebody to handle the request; the body of any other one is dropped.
    mutating func head(
        contentLength: Int?, limit: Int, isWelcome: Bool, expectsContinue: Bool, keepsAlive: Bool
    ) -> HeadAction {
        guard phase == .idle else { return .receive }
        self.limit = limit
        received = 0
        isWhole = false
        isLast = isLast || !keepsAlive
        phase = .receiving
        if let contentLength, contentLength > limit { return refuse() }
        guard expectsContinue else { return .receive }
        return isWelcome ? .receiveAfterGoOn : refuse()
    }

    private mutating func refuse() -> HeadAction {
        isLast = true
        phase = .answering
        return .refuse
    }

    mutating func body(_ count: Int) -> BodyAction {
        guard phase == .receiving else { return .drop }
        received += count
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
        case .draining:
            phase = .closed
            return .close
        case .idle, .answering, .flushing, .closed: return .ignore
        }
    }

    /// The answer was written.
    /// - Parameter isWritable: Whether the client keeps up with reading.
    mutating func answered(isWritable: Bool) -> AnsweredAction {
        guard phase == .answering else { return .wait }
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
