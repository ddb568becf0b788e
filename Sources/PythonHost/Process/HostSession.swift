import Logging
import MatrixCore
import ModuleAPI
import Synchronization

/// One host process, from its start to its end.
final class HostSession: Sendable {
    /// How many callbacks may be under way.
    static let callbackLimit = 1_024

    /// What is done with what the process begins.
    struct Requests: Sendable {
        /// Hears of notes on the reading thread: it must not wait.
        var note: @Sendable (HostSession, _ method: String, _ parameters: JSONObject) -> Void
        var call:
            @Sendable (HostSession, _ number: UInt32, _ method: String, _ parameters: JSONObject) async ->
                Connection.Answer
    }

    private struct State {
        /// What the process calls each registration, by the number the server gave it.
        var identifiers: [Int: Int64] = [:]
        /// How many of a kind each module has registered so far.
        var counts: [CallbackKey: Int] = [:]
        var endReason: String?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let process: HostProcess
    let mirror: StateMirror
    private let connection: Connection
    private let slots = CallSlots(HostSession.callbackLimit)
    private let state = Mutex(State())

    /// Starts a process.
    /// - Parameters:
    ///   - requests: Answers the process.
    ///   - onEnd: Hears that the connection has ended, before any call fails for it.
    static func start(
        _ command: HostProcess.Command, mirror limits: StateMirror.Limits,
        print: @escaping @Sendable (HostProcess.Stream, String) -> Void,
        requests: Requests, onEnd: @escaping @Sendable (HostSession) -> Void
    ) throws(SystemError) -> HostSession {
        let (ours, theirs) = try Socket.pair()
        let process = try HostProcess(command, socket: theirs, print: print)
        return HostSession(process, ours, limits, requests, onEnd)
    }

    private init(
        _ process: HostProcess, _ socket: Socket, _ limits: StateMirror.Limits,
        _ requests: Requests, _ onEnd: @escaping @Sendable (HostSession) -> Void
    ) {
        self.process = process
        let link = SessionLink()
        connection = Connection(
            socket,
            requests: Connection.Requests(
                note: { method, parameters in
                    guard let session = link.session else { return }
                    requests.note(session, method, parameters)
                },
                call: { number, method, parameters in
                    guard let session = link.session else { return .failure(HostError.runtime("no session").json) }
                    return await requests.call(session, number, method, parameters)
                }),
            onClose: { reason in
                guard let session = link.session else { return }
                session.state.withLock { $0.endReason = reason }
                onEnd(session)
                session.wakeWaiting()
            })
        let writer = connection.writer
        mirror = StateMirror(limits: limits) { room in
            writer.send(.call("forget_state") { $0.append(contentsOf: #"{"room":\#(room)}"#.utf8) })
        }
        link.session = self
        connection.start()
    }

    // MARK: The end

    /// Why the session ended; `nil` while it lasts.
    var endReason: String? { state.withLock { $0.endReason } }
    var isOpen: Bool { !connection.isClosed }

    /// Waits for the end of the session, or of the caller's patience.
    func ended() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if state.endReason == nil { state.waiting.append(continuation) }
                    return state.endReason != nil
                }
                if hasEnded { continuation.resume() } else if Task.isCancelled { wakeWaiting() }
            }
        } onCancel: {
            wakeWaiting()
        }
    }

    private func wakeWaiting() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Ends the process at once, and the session with it.
    func kill(_ reason: String) {
        // In this order, else the end of the connection would be the reason.
        connection.close(reason)
        process.signal(9)
    }

    /// Asks the process to finish, and ends it if it does not.
    func stop(within patience: Duration) async {
        if isOpen { connection.writer.send(.call("stop") { $0.append(contentsOf: "{}".utf8) }) }
        for number in [nil, 15, 9] as [Int32?] {
            if let number { process.signal(number) }
            _ = try? await withDeadline(patience) { await self.process.ended() }
            if process.exit != nil { break }
        }
        connection.close("the server stops")
    }

    // MARK: Calls

    /// How many calls wait for the process.
    var pendingCount: Int { connection.pendingCount }
    /// Which callbacks wait for the process.
    var pendingLabels: [CallLabel] { connection.pendingLabels }

    /// Calls a method and waits for its result.
    func call(_ method: String, _ parameters: JSONObject) async throws -> JSON {
        try await connection.call(.call(method) { parameters.encode(into: &$0) }).json
    }

    /// Calls a callback.
    /// - Parameters:
    ///   - arguments: The JSON array.
    ///   - state: What the arguments refer to.
    func callback(
        _ identifier: Int64, _ label: CallLabel, _ arguments: [UInt8], state map: StateMap?
    ) async throws -> JSON {
        do { try await slots.acquire() } catch is CancellationError { throw Connection.CallError.givenUp }
        defer { slots.release() }
        await connection.writer.room()
        if Task.isCancelled { throw Connection.CallError.givenUp }
        func write(_ bytes: inout [UInt8], _ state: [UInt8]?) {
            bytes.append(contentsOf: #"{"id":\#(identifier),"name":""#.utf8)
            bytes.append(contentsOf: label.callback.utf8)
            bytes.append(contentsOf: #"","args":"#.utf8)
            bytes.append(contentsOf: arguments)
            if let state {
                bytes.append(contentsOf: #","state":"#.utf8)
                bytes.append(contentsOf: state)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        guard let map else {
            var frame = FrameText.call("callback") { write(&$0, nil) }
            let number = connection.newCallNumber()
            frame.setCall(number)
            return try await connection.call(number, label) { connection.writer.send(frame) ? .sent : .closed }.json
        }
        while true {
            let prepared = try await mirror.prepare(map)
            defer { prepared.release() }
            var frame = FrameText.call("callback", attachment: prepared.attachment) { write(&$0, prepared.header) }
            guard !frame.isTooLong else { throw Connection.CallError.tooLong }
            let number = connection.newCallNumber()
            frame.setCall(number)
            do {
                return try await connection.call(number, label) {
                    defer { prepared.release() }
                    return mirror.deliver(prepared) { connection.writer.send(frame) }
                }.json
            } catch Connection.CallError.outdated {
                continue
            }
        }
    }

    /// Answers a call of the process with a state.
    func reply(_ number: UInt32, state map: StateMap) async throws {
        while true {
            let prepared = try await mirror.prepare(map)
            defer { prepared.release() }
            let frame = FrameText.json(.reply, call: number, attachment: prepared.attachment) {
                $0.append(contentsOf: prepared.header)
            }
            guard !frame.isTooLong else { throw HostError.runtime("the room's state is too large") }
            await connection.writer.room()
            if mirror.deliver(prepared, { connection.writer.send(frame) }) != .outdated { return }
        }
    }

    /// Begins a call with streams in both directions.
    func streamedCall(_ method: String, _ parameters: JSONObject) -> StreamedCall {
        let number = connection.newCallNumber()
        let streams = connection.openStreams(number)
        var frame = FrameText.call(method) { parameters.encode(into: &$0) }
        frame.setCall(number)
        return StreamedCall(number, frame, streams.incoming, streams.outgoing, connection)
    }

    // MARK: Registrations

    /// The process has registered another callback of this kind.
    /// - Returns: Which it is of its kind.
    func count(_ key: CallbackKey) -> Int {
        state.withLock { state in
            defer { state.counts[key, default: 0] += 1 }
            return state.counts[key, default: 0]
        }
    }

    /// Remembers what the process calls a registration.
    func setIdentifier(_ identifier: Int64, of registration: Int) {
        state.withLock { $0.identifiers[registration] = identifier }
    }

    /// What the process calls a registration; `nil` if it has none such.
    func identifier(of registration: Int) -> Int64? { state.withLock { $0.identifiers[registration] } }
}

extension HostSession {
    /// Whether the task answers a request of the host: what it causes must reach the host even while it is being started.
    @TaskLocal static var isWithinRequest = false
}

/// What callbacks are matched by across restarts, but for their ordinal.
struct CallbackKey: Hashable, Sendable {
    var item: Int
    var name: String
}

/// How a connection finds the session it belongs to.
private final class SessionLink: Sendable {
    private let held = Mutex<Weak>(Weak())

    private struct Weak {
        weak var session: HostSession?
    }

    var session: HostSession? {
        get { held.withLock { $0.session } }
        set { held.withLock { $0.session = newValue } }
    }
}

/// A call with bodies.
final class StreamedCall: Sendable {
    /// What comes back after the answer.
    let incoming: IncomingStream
    /// What goes along.
    let outgoing: OutgoingStream
    private let number: UInt32
    private let frame: FrameText
    private let connection: Connection

    init(
        _ number: UInt32, _ frame: FrameText, _ incoming: IncomingStream, _ outgoing: OutgoingStream,
        _ connection: Connection
    ) {
        (self.number, self.frame, self.incoming, self.outgoing) = (number, frame, incoming, outgoing)
        self.connection = connection
    }

    /// Sends the call, lets the body follow, and waits for the answer.
    func answer() async throws -> JSON {
        try await connection.call(number) {
            guard connection.writer.send(frame) else { return .closed }
            outgoing.add(credit: Frame.initialCredit)
            return .sent
        }.json
    }

    /// Done with, or given up.
    func finish(isComplete: Bool) { connection.closeStreams(number, isComplete: isComplete) }
}

/// Runs `body`, and cancels it after a time.
/// - Throws: ``DeadlineExceeded`` if the time ran out.
func withDeadline<Value: Sendable>(
    _ duration: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: duration)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw DeadlineExceeded() }
        return value
    }
}

/// Something took too long.
struct DeadlineExceeded: Error, CustomStringConvertible {
    var description: String { "no answer in time" }
}
