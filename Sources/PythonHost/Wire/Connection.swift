import Logging
import MatrixCore
import Synchronization

/// The connection to one host process: frames in and out, and the calls under way in both directions.
///
/// A thread of ours reads; it never waits for anything else. Neither side waits for an answer before it reads on, so calls
/// may nest as deep as they like.
final class Connection: Sendable {
    /// What the server does with what the host begins.
    struct Requests: Sendable {
        /// Hears of notes, one after the other, on the reading thread: it must not wait.
        var note: @Sendable (_ method: String, _ parameters: JSONObject) -> Void
        /// Answers a call.
        var call: @Sendable (_ number: UInt32, _ method: String, _ parameters: JSONObject) async -> Answer
    }

    /// The answer to a call of the host.
    enum Answer: Sendable {
        /// A result in JSON text.
        case result([UInt8])
        case failure(JSONObject)
        /// The answer was sent already.
        case sent
    }

    /// What became of a frame that was to be sent.
    enum Delivery {
        case sent
        case closed
        /// What the frame was made from changed meanwhile; make it again.
        case outdated
    }

    /// Why a call got no answer.
    enum CallError: Error {
        /// The process went away.
        case lost(wasSent: Bool)
        /// See ``Delivery/outdated``.
        case outdated
        case tooLong
        /// The caller gave up before the call was sent.
        case givenUp
        case failure(HostFailure)
    }

    private struct Streams {
        let incoming: IncomingStream
        let outgoing: OutgoingStream
    }

    private struct Pending {
        let continuation: CheckedContinuation<FrameMessage, any Error>
        let label: CallLabel?
    }

    private struct State {
        var lastNumber: UInt32 = 0
        var pending: [UInt32: Pending] = [:]
        var streams: [UInt32: Streams] = [:]
        /// Calls of the host under way; the task is set once it exists.
        var incoming: [UInt32: Task<Void, Never>?] = [:]
        var isClosed = false
    }

    /// How many calls the host may have under way.
    private static let incomingLimit = 1_024

    let writer: FrameWriter
    private let socket: Socket
    private let requests: Requests
    private let state = Mutex(State())
    private let onClose: @Sendable (String) -> Void

    /// - Parameter onClose: Hears once, with a reason, that the connection has ended.
    init(_ socket: Socket, requests: Requests, onClose: @escaping @Sendable (String) -> Void) {
        self.socket = socket
        self.requests = requests
        self.onClose = onClose
        writer = FrameWriter(socket)
    }

    /// Begins to read.
    func start() { startThread(named: "python-in") { self.readAll() } }

    /// Ends the connection; calls under way fail.
    func close(_ reason: String) {
        let closing: State? = state.withLock { state in
            guard !state.isClosed else { return nil }
            defer { state = State(isClosed: true) }
            return state
        }
        guard let closing else { return }
        writer.close()
        // Before those who wait: they look for the next process at once.
        onClose(reason)
        for call in closing.pending.values { call.continuation.resume(throwing: CallError.lost(wasSent: true)) }
        for streams in closing.streams.values {
            streams.incoming.finish(CallError.lost(wasSent: true))
            streams.outgoing.close()
        }
        for task in closing.incoming.values { task?.cancel() }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// How many calls wait for the host.
    var pendingCount: Int { state.withLock { $0.pending.count + $0.streams.count } }

    /// What waits for the host.
    var pendingLabels: [CallLabel] { state.withLock { $0.pending.values.compactMap(\.label) } }

    // MARK: Calls to the host

    /// A number for a call, which no other call under way has.
    func newCallNumber() -> UInt32 {
        state.withLock { state in
            repeat {
                state.lastNumber = (state.lastNumber + 1) & ~Frame.hostBit
            } while state.lastNumber == 0 || state.pending[state.lastNumber] != nil
                || state.streams[state.lastNumber] != nil
            return state.lastNumber
        }
    }

    /// Sends a call and waits for its answer. A cancelled task tells the host that nobody waits any more.
    /// - Parameters:
    ///   - number: From ``newCallNumber()``; the frame names it already.
    ///   - deliver: Hands the frame to ``writer``.
    /// - Throws: ``CallError``, `CancellationError`.
    func call(
        _ number: UInt32, _ label: CallLabel? = nil, deliver: () -> Delivery
    ) async throws -> FrameMessage {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOpen = state.withLock { state in
                    guard !state.isClosed else { return false }
                    state.pending[number] = Pending(continuation: continuation, label: label)
                    return true
                }
                guard isOpen else { return continuation.resume(throwing: CallError.lost(wasSent: false)) }
                switch Task.isCancelled ? .sent : deliver() {
                case .sent: if Task.isCancelled { cancel(number) }
                case .closed: take(number)?.resume(throwing: CallError.lost(wasSent: false))
                case .outdated: take(number)?.resume(throwing: CallError.outdated)
                }
            }
        } onCancel: {
            cancel(number)
        }
    }

    /// Sends a call and waits for its answer.
    func call(_ frame: FrameText) async throws -> FrameMessage {
        var frame = frame
        guard !frame.isTooLong else { throw CallError.tooLong }
        await writer.room()
        let number = newCallNumber()
        frame.setCall(number)
        return try await call(number) { writer.send(frame) ? .sent : .closed }
    }

    /// Opens the streams that go with a call, before the call is sent.
    func openStreams(_ number: UInt32) -> (incoming: IncomingStream, outgoing: OutgoingStream) {
        let incoming = IncomingStream { [writer] in writer.send(.credit(call: number, $0)) }
        let outgoing = OutgoingStream(call: number, writer: writer)
        let isClosed = state.withLock { state in
            if !state.isClosed { state.streams[number] = Streams(incoming: incoming, outgoing: outgoing) }
            return state.isClosed
        }
        if isClosed {
            incoming.finish(CallError.lost(wasSent: false))
            outgoing.close()
        }
        return (incoming, outgoing)
    }

    /// Forgets the streams of a call. Unless both were complete, the host hears that nobody wants them any more.
    func closeStreams(_ number: UInt32, isComplete: Bool) {
        let streams = state.withLock { $0.streams.removeValue(forKey: number) }
        guard let streams else { return }
        streams.incoming.finish(CancellationError())
        streams.outgoing.close()
        if !isComplete { writer.send(.plain(.cancel, call: number)) }
    }

    private func cancel(_ number: UInt32) {
        guard let continuation = take(number) else { return }
        writer.send(.plain(.cancel, call: number))
        continuation.resume(throwing: CancellationError())
    }

    private func take(_ number: UInt32) -> CheckedContinuation<FrameMessage, any Error>? {
        state.withLock { $0.pending.removeValue(forKey: number)?.continuation }
    }

    // MARK: Reading

    private func readAll() {
        var decoder = FrameDecoder()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while true {
                let count = socket.read(into: buffer)
                guard count > 0 else { break }
                decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                while let frame = try decoder.next() { try receive(frame) }
            }
            close("the connection ended")
        } catch {
            close("the process does not keep to the protocol: \(error)")
        }
    }

    private func receive(_ frame: Frame) throws(ProtocolError) {
        switch frame.kind {
        case .call: try receiveCall(frame)
        case .reply:
            // Answers to calls that were cancelled are dropped unread.
            guard let continuation = take(frame.call) else { return }
            do {
                continuation.resume(returning: try FrameMessage(frame.body))
            } catch {
                // What one module answers must not end the others' calls.
                let exception = PythonException(type: "ValueError", message: "\(error)", traceback: "")
                continuation.resume(throwing: CallError.failure(.exception(exception)))
            }
        case .failure:
            guard let continuation = take(frame.call) else { return }
            let failure = HostFailure((try? FrameMessage(frame.body))?.json ?? .null)
            continuation.resume(throwing: CallError.failure(failure))
        case .cancel: state.withLock { $0.incoming[frame.call] ?? nil }?.cancel()
        case .data: try streams(of: frame)?.incoming.receive(frame.body)
        case .end: streams(of: frame)?.incoming.finish()
        case .abort: streams(of: frame)?.incoming.finish(ProtocolError("the module broke its answer off"))
        case .credit:
            guard frame.body.count == 4 else { throw ProtocolError("a credit of \(frame.body.count) bytes") }
            streams(of: frame)?.outgoing.add(credit: Int(frame.body.bigEndian(at: 0)))
        }
    }

    private func streams(of frame: Frame) -> Streams? { state.withLock { $0.streams[frame.call] } }

    private func receiveCall(_ frame: Frame) throws(ProtocolError) {
        guard frame.call == 0 || frame.call & Frame.hostBit != 0 else {
            throw ProtocolError("a call of the host with number \(frame.call)")
        }
        guard let message = try? FrameMessage(frame.body), let method = message.json["method"]?.stringValue else {
            if frame.call != 0 { answer(frame.call, .failure(HostError.value("The call cannot be read").json)) }
            return
        }
        let parameters = message.json["params"]?.objectValue ?? [:]
        if frame.call == 0 { return requests.note(method, parameters) }
        enum Admission {
            case admitted
            case tooMany
            case taken
        }
        let admission: Admission = state.withLock { state in
            guard state.incoming.count < Self.incomingLimit else { return .tooMany }
            guard state.incoming[frame.call] == nil else { return .taken }
            state.incoming[frame.call] = .some(nil)
            return .admitted
        }
        switch admission {
        case .taken: throw ProtocolError("two calls with number \(frame.call)")
        case .tooMany: answer(frame.call, .failure(HostError.runtime("too many calls under way").json))
        case .admitted:
            // A call lives as long as its connection at most: `close` cancels it.
            let task = Task {
                let answer = await requests.call(frame.call, method, parameters)
                // Before it counts as done: a process that reads no answers may not begin more and more calls.
                await writer.room()
                let isWanted = state.withLock { $0.incoming.removeValue(forKey: frame.call) != nil }
                if isWanted { self.answer(frame.call, answer) }
            }
            state.withLock { state in
                if state.incoming[frame.call] != nil { state.incoming[frame.call] = .some(task) }
            }
        }
    }

    private func answer(_ number: UInt32, _ answer: Answer) {
        switch answer {
        case .result(let text):
            let frame = FrameText.json(.reply, call: number) { $0.append(contentsOf: text) }
            guard !frame.isTooLong else {
                return self.answer(number, .failure(HostError.runtime("The answer is too large").json))
            }
            writer.send(frame)
        case .failure(let object): writer.send(.json(.failure, call: number) { object.encode(into: &$0) })
        case .sent: break
        }
    }
}

/// Says whose call it is.
struct CallLabel: Hashable, Sendable, CustomStringConvertible {
    var module: String
    var callback: String

    var description: String { "Module \(module)'s \(callback)" }
}
