import Synchronization

/// Connections for reads that run on their callers' threads, a few at a time.
final class InlineReaders: Sendable {
    private struct State {
        var idle: [InlineReader] = []
        /// How many more may be made.
        var remaining: Int
    }

    private let state: Mutex<State>
    private let connect: @Sendable () throws(SQLError) -> any Connection

    init(limit: Int, connect: @escaping @Sendable () throws(SQLError) -> any Connection) {
        state = Mutex(State(remaining: limit))
        self.connect = connect
    }

    /// A reader for the caller alone until it is given back; `nil` if all are busy.
    func borrow() -> InlineReader? {
        state.withLock { state in
            if let reader = state.idle.popLast() { return reader }
            guard state.remaining > 0 else { return nil }
            state.remaining -= 1
            return InlineReader(connect)
        }
    }

    func giveBack(_ reader: InlineReader) {
        let isClosed = state.withLock { state in
            if state.remaining >= 0 { state.idle.append(reader) }
            return state.remaining < 0
        }
        if isClosed { reader.close() }
    }

    /// Makes no more readers, and closes them as they come back.
    func close() {
        let idle = state.withLock { state in
            state.remaining = -1
            defer { state.idle = [] }
            return state.idle
        }
        for reader in idle {
            reader.close()
        }
    }
}

/// A connection that goes from thread to thread.
///
/// `@unchecked Sendable`: whoever has borrowed it is alone with it; the lock of its ``InlineReaders`` orders the
/// hand-overs.
final class InlineReader: @unchecked Sendable {
    private var slot: ConnectionSlot

    fileprivate init(_ connect: @escaping @Sendable () throws(SQLError) -> any Connection) {
        slot = ConnectionSlot(connect: connect)
    }

    func read<Value>(_ body: (Transaction) throws -> Value) throws -> Value {
        let connection = try slot.begin(.read)
        let transaction = Transaction(on: connection)
        let result = Result { try body(transaction) }
        connection.endRead()
        let value = try result.get()
        if let failure = transaction.failure { throw failure }
        for action in transaction.commitActions {
            action()
        }
        return value
    }

    fileprivate func close() {
        slot.close()
    }
}
