import Foundation
package import Logging
package import MatrixCore
package import ModuleAPI
import ServiceLifecycle
import Synchronization

/// Runs modules written in Python, in a process beside the server.
///
/// ``configure(_:)`` starts the process and has all modules read their configuration; ``construct(_:context:)`` makes them,
/// one by one; ``started()`` ends the registration of web resources. From then on ``run()`` watches over the process: if it
/// ends, or is blocked, or grows too large, it is started anew and its modules are made again in the same order. What they
/// registered keeps its place.
package final class PythonModules: Service {
    /// Where a callback finds the process.
    private enum Phase {
        /// No process, and nobody needs one so far.
        case idle
        /// The process answers.
        case ready(HostSession)
        /// Modules are being made anew; only what they themselves cause reaches the process.
        case restarting(HostSession)
        /// The process has ended; there will be another.
        case down
        /// There will be none.
        case stopped
    }

    private struct Waiter {
        let ticket: UInt64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var phase = Phase.idle
        var entries: [PythonModuleEntry] = []
        /// What modules need to open the database; known only once the server has opened it.
        var database: JSONObject?
        /// The modules that were made, in that order.
        var made: [(item: Int, context: any ModuleContext)] = []
        var hasStarted = false
        /// How often the process was started anew.
        var restarts = 0
        /// How many bytes of memory it last said it holds.
        var resident: Int?
        var registrations: [Registration.Key: Registration] = [:]
        var waiting: [Waiter] = []
        var lastTicket: UInt64 = 0
        /// The process started last.
        var session: HostSession?
        /// What the process printed last, to say why it did not start.
        var printed: [String] = []
    }

    let settings: PythonSettings
    let log: Logger
    private let output: Logger
    private let loggers = HostLoggers()
    private let state = Mutex(State())
    let undelivered = UndeliveredNotices()

    package init(_ settings: PythonSettings, log: Logger = Logger(label: "axolemma.modules")) {
        self.settings = settings
        self.log = log
        output = Logger(label: "axolemma.python")
    }

    // MARK: Starting

    /// Starts the process and has every module read its configuration. Makes none.
    /// - Returns: What is wrong, by item.
    /// - Throws: ``PythonStartError`` if there is no process to ask.
    package func configure(_ entries: [PythonModuleEntry]) async throws -> [Int: PythonModuleFault] {
        state.withLock { $0.entries = entries }
        let session: HostSession
        do { session = try start() } catch { throw PythonStartError.interpreter(settings, error) }
        do {
            let faults = try await configure(session, entries)
            state.withLock { $0.phase = .ready(session) }
            return faults
        } catch {
            await session.stop(within: .seconds(1))
            let reason = session.process.exit.map(String.init(describing:)) ?? session.endReason ?? "\(error)"
            throw PythonStartError.ended(settings, reason, printed: state.withLock { $0.printed })
        }
    }

    /// Tells the process where modules' tables are. Called before any module is made.
    /// - Parameter database: The protocol's DATABASE. It holds secrets.
    package func open(_ database: JSONObject) async throws {
        state.withLock { $0.database = database }
        guard case .ready(let session) = state.withLock({ $0.phase }) else { return }
        try await failing { try await self.command("open", database, in: session) }
    }

    /// Makes a module, which registers its callbacks with `context`.
    /// - Returns: What Python calls the object.
    /// - Throws: `PythonException`, or what `context` has against a registration.
    package func construct(_ item: Int, context: any ModuleContext) async throws -> String {
        state.withLock { $0.made.append((item, context)) }
        guard case .ready(let session) = state.withLock({ $0.phase }), session.isOpen else {
            throw PythonStartError("The Python process has ended while modules were made")
        }
        return try await construct(item, in: session)
    }

    /// Ends the registration of web resources: the server is about to listen.
    package func started() async throws {
        state.withLock { $0.hasStarted = true }
        guard case .ready(let session) = state.withLock({ $0.phase }) else { return }
        try await failing { try await self.command("started", in: session) }
    }

    private func configure(
        _ session: HostSession, _ entries: [PythonModuleEntry]
    ) async throws -> [Int: PythonModuleFault] {
        var server = settings.server
        // What is not logged here need not be sent.
        if server["log_level"] == nil { server["log_level"] = .string(HostLoggers.name(of: output.logLevel)) }
        let parameters: JSONObject = [
            "server": .object(server), "modules": .array(entries.map { .object($0.object) }),
        ]
        let answer = try await withDeadline(settings.startTimeout) { try await session.call("configure", parameters) }
        var faults: [Int: PythonModuleFault] = [:]
        for result in answer["results"]?.arrayValue ?? [] where result["ok"]?.boolValue != true {
            guard let item = result["item"]?.integerValue.map({ Int(clamping: $0) }),
                let entry = entries.first(where: { $0.item == item })
            else { continue }
            faults[item] = PythonModuleFault(HostFailure(result["error"] ?? .null), entry, settings)
        }
        return faults
    }

    private func construct(_ item: Int, in session: HostSession) async throws -> String {
        let timeout = settings.startTimeout
        let answer = try await failing {
            try await withDeadline(timeout) {
                try await session.call("construct", ["item": .integer(Int64(item))])
            }
        }
        try finishRegistrations(of: item)
        return answer["repr"]?.stringValue ?? "<module \(item)>"
    }

    /// Has the process do something that belongs to its start: until it has, nobody watches over it.
    private func command(_ method: String, _ parameters: JSONObject = [:], in session: HostSession) async throws {
        do {
            _ = try await withDeadline(settings.startTimeout) { try await session.call(method, parameters) }
        } catch is DeadlineExceeded {
            throw PythonStartError(
                "The Python process has not answered '\(method)' within \(settings.startTimeout): does a module block it?"
            )
        }
    }

    /// Runs `body`, and turns what the protocol knows of errors into what Swift code above is to see.
    func failing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let Connection.CallError.failure(failure) {
            throw failure.error
        } catch Connection.CallError.tooLong {
            throw PythonException(
                type: "ValueError", message: "The call is too large for the Python process", traceback: "")
        } catch Connection.CallError.givenUp {
            throw CancellationError()
        } catch is Connection.CallError {
            throw PythonException(type: "ConnectionError", message: "The Python process has ended", traceback: "")
        }
    }

    private func start() throws(SystemError) -> HostSession {
        state.withLock { $0.printed = [] }
        let session = try HostSession.start(
            settings.command(environment: ProcessInfo.processInfo.environment),
            mirror: StateMirror.Limits(entries: settings.mirroredEntries),
            print: { [weak self] stream, line in self?.printed(stream, line) },
            requests: HostSession.Requests(
                note: { [weak self] session, method, parameters in
                    self?.receive(method, parameters, from: session)
                },
                call: { [weak self] session, number, method, parameters in
                    guard let self else { return .failure(HostError.runtime("the server stops").json) }
                    return await self.answer(number, method, parameters, in: session)
                }),
            onEnd: { [weak self] session in self?.ended(session) })
        state.withLock { $0.session = session }
        return session
    }

    private func printed(_ stream: HostProcess.Stream, _ line: String) {
        state.withLock { state in
            if state.printed.count >= 30 { state.printed.removeFirst() }
            state.printed.append(line)
        }
        switch stream {
        case .output: output.info("\(line)")
        case .error: output.warning("\(line)")
        }
    }

    // MARK: Notes

    private func receive(_ method: String, _ parameters: JSONObject, from session: HostSession) {
        switch method {
        case "log": loggers.write(parameters)
        case "register": register(parameters, session)
        case "register_web_resource": registerWebResource(parameters, session)
        default: log.debug("The Python process sent an unknown note '\(method)'")
        }
    }

    private func register(_ parameters: JSONObject, _ session: HostSession) {
        guard let name = parameters.string("callback"), let identifier = parameters.integer("id") else { return }
        let extra = parameters.object("extra") ?? [:]
        // A module may make its checkers in any order.
        let kind = extra.string("login_type").map { "\(name) \($0)" } ?? name
        guard let (item, context) = context(parameters) else { return }
        let ordinal = session.count(CallbackKey(item: item, name: kind))
        let key = Registration.Key(item: item, kind: kind, ordinal: ordinal)
        let (registration, isNew) = state.withLock { state in
            if let known = state.registrations[key] { return (known, false) }
            let registration = Registration(
                key: key, number: state.registrations.count,
                label: CallLabel(module: parameters.string("module") ?? "Python", callback: name))
            state.registrations[key] = registration
            return (registration, true)
        }
        session.setIdentifier(identifier, of: registration.number)
        if isNew { CallbackProxy(host: self, registration: registration).register(with: context, extra) }
    }

    private func registerWebResource(_ parameters: JSONObject, _ session: HostSession) {
        guard let path = parameters.string("path"), let identifier = parameters.integer("id"),
            let (item, context) = context(parameters)
        else { return }
        let ordinal = session.count(CallbackKey(item: item, name: "web \(path)"))
        let key = Registration.Key(item: item, kind: "web \(path)", ordinal: ordinal)
        let (registration, isNew) = state.withLock { state in
            if let known = state.registrations[key] { return (known, false) }
            let registration = Registration(
                key: key, number: state.registrations.count, label: CallLabel(module: "Python", callback: "web \(path)")
            )
            state.registrations[key] = registration
            return (registration, true)
        }
        session.setIdentifier(identifier, of: registration.number)
        guard isNew else { return }
        register(WebProxy(host: self, registration: registration), at: path, context)
    }

    /// The module a note speaks of; for one that names none, the first.
    private func context(_ parameters: JSONObject) -> (item: Int, context: any ModuleContext)? {
        state.withLock { state in
            guard let item = parameters.integer("item").map({ Int(clamping: $0) }) else { return state.made.first }
            return state.made.last { $0.item == item }
        }
    }

    /// Registers what came in several notes, and says what was wrong with the others.
    private func finishRegistrations(of item: Int) throws {
        guard let context = state.withLock({ state in state.made.last { $0.item == item }?.context }) else { return }
        let own = state.withLock { state in
            state.registrations.values.filter { $0.key.item == item }.sorted { $0.number < $1.number }
        }
        CallbackProxy.finish(own, host: self, context)
        for registration in own {
            if let error = registration.takeError() { throw error }
        }
    }

    // MARK: Finding the process

    /// The process, waiting for it if it is being started anew.
    /// - Throws: `CancellationError` if the caller's time runs out; ``PythonException`` if there will be none.
    func session() async throws -> HostSession {
        while true {
            let current: HostSession? = try state.withLock { state in
                switch state.phase {
                case .ready(let session): return session.isOpen ? session : nil
                case .restarting(let session): return session.isOpen && HostSession.isWithinRequest ? session : nil
                case .down: return nil
                case .idle, .stopped:
                    throw PythonException(type: "RuntimeError", message: "The Python process is stopped", traceback: "")
                }
            }
            if let current { return current }
            try await waitForChange()
        }
    }

    private func waitForChange() async throws {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if case .ready(let session) = state.phase, session.isOpen { return false }
                    if case .stopped = state.phase { return false }
                    state.waiting.append(Waiter(ticket: ticket, continuation: continuation))
                    return true
                }
                if !mustWait { continuation.resume() } else if Task.isCancelled { stopWaiting(ticket) }
            }
        } onCancel: {
            stopWaiting(ticket)
        }
        try Task.checkCancellation()
    }

    private func stopWaiting(_ ticket: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            state.waiting.firstIndex { $0.ticket == ticket }.map { state.waiting.remove(at: $0) }
        }
        waiter?.continuation.resume()
    }

    private func setPhase(_ phase: Phase) {
        let waiting = state.withLock { state in
            if case .stopped = state.phase { return [Waiter]() }
            state.phase = phase
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume() }
    }

    private func ended(_ session: HostSession) {
        state.withLock { state in
            if case .ready(let current) = state.phase, current === session { state.phase = .down }
        }
    }

    /// How the process fares.
    package var status: PythonProcessStatus {
        let (phase, restarts, resident) = state.withLock { ($0.phase, $0.restarts, $0.resident) }
        switch phase {
        case .idle, .down: return PythonProcessStatus(state: .down, restarts: restarts)
        case .stopped: return PythonProcessStatus(state: .stopped, restarts: restarts)
        case .ready(let session), .restarting(let session):
            var status = PythonProcessStatus(state: .running, restarts: restarts)
            if case .restarting = phase { status.state = .restarting }
            status.processID = Int(session.process.identifier)
            status.residentBytes = resident
            status.pendingCalls = session.pendingCount
            return status
        }
    }

    /// The context by which calls of the process are answered: what it offers is the same for all modules.
    var anyContext: (any ModuleContext)? { state.withLock { $0.made.first?.context } }

    // MARK: Watching over the process

    /// Watches over the process until the server stops; then ends it.
    package func run() async throws {
        if state.withLock({ !$0.made.isEmpty }) {
            await cancelWhenGracefulShutdown { await self.supervise() }
        } else {
            try? await gracefulShutdown()
        }
        await stop()
    }

    /// Ends the process for good.
    package func stop() async {
        let (session, waiting) = state.withLock { state in
            defer { (state.phase, state.waiting) = (.stopped, []) }
            return (state.session, state.waiting)
        }
        for waiter in waiting { waiter.continuation.resume() }
        await session?.stop(within: settings.stopTimeout)
        let lost = undelivered.count
        if lost > 0 { log.warning("\(lost) notices for Python modules were not delivered before the server stopped") }
    }

    private func supervise() async {
        var supervision = Supervision()
        supervision.ready(at: .now)
        while !Task.isCancelled {
            if let session = state.withLock({ $0.session }) {
                await watch(session)
                if Task.isCancelled { return }
                await bury(session)
            }
            let delay = supervision.lost(at: .now)
            log.info("The Python process is started anew in \(delay.inMilliseconds) ms")
            do { try await Task.sleep(for: delay) } catch { return }
            do {
                try await restart()
                supervision.ready(at: .now)
                log.notice("The Python process runs again; its modules were made anew")
            } catch {
                if Task.isCancelled { return }
                log.error("The Python process could not be started anew: \(error)")
            }
        }
    }

    /// Ends what is left of a process whose session ended, and says why it did.
    private func bury(_ session: HostSession) async {
        setPhase(.down)
        undelivered.reclaim()
        let patience: Duration = .milliseconds(500)
        _ = try? await withDeadline(patience) { await session.process.ended() }
        session.process.signal(9)
        let exit = session.process.exit.map { " (\($0))" } ?? ""
        log.error("The Python process is gone: \(session.endReason ?? "unknown reason")\(exit)")
    }

    private func restart() async throws {
        let (entries, database, made, hasStarted) = state.withLock {
            ($0.entries, $0.database, $0.made, $0.hasStarted)
        }
        let session = try start()
        do {
            let faults = try await configure(session, entries)
            if let fault = faults.values.first { throw fault }
            if let database { try await command("open", database, in: session) }
            setPhase(.restarting(session))
            for (item, _) in made { _ = try await construct(item, in: session) }
            if hasStarted { try await command("started", in: session) }
            // What there is no time for now is delivered while the process runs.
            try await undelivered.deliver(
                to: session, timeout: settings.callbackTimeout, until: .now + settings.startTimeout, log)
        } catch {
            setPhase(.down)
            session.kill("it could not be started anew")
            state.withLock { $0.session = nil }
            throw error
        }
        setPhase(.ready(session))
        state.withLock { state in
            state.restarts += 1
            state.resident = nil
        }
    }

    /// Returns when the session has ended.
    private func watch(_ session: HostSession) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await session.ended() }
            group.addTask { await self.ping(session) }
            group.addTask {
                await self.undelivered.keepDelivering(to: session, timeout: self.settings.callbackTimeout, self.log)
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Pings until the session is ended, by others or because of what the pings came to.
    private func ping(_ session: HostSession) async {
        let watchdog = Watchdog(timeout: settings.callbackTimeout, memoryLimit: settings.memoryLimit)
        while session.isOpen, !Task.isCancelled {
            let start = ContinuousClock.now
            let abandoned = undelivered.abandonedCount
            let answer = try? await withDeadline(watchdog.timeout) { try await session.call("ping", [:]) }
            guard session.isOpen, !Task.isCancelled else { return }
            let resident = answer?["rss"]?.integerValue.map { Int(clamping: $0) }
            if answer != nil { undelivered.confirm(abandoned) }
            if let resident { state.withLock { $0.resident = resident } }
            switch watchdog.judge(answer.map { _ in (resident, ContinuousClock.now - start) }) {
            case .well: break
            case .blocked:
                let pending = Self.describe(session.pendingLabels)
                log.error(
                    """
                    The Python process has not answered for \(watchdog.timeout.inMilliseconds) ms; \
                    callbacks under way: \(pending)
                    """)
                return session.kill("it was blocked")
            case .tooLarge(let bytes):
                log.error(
                    """
                    The Python process holds \(bytes >> 20) MiB, more than module_settings.python_memory_limit \
                    allows (\(watchdog.memoryLimit >> 20) MiB)
                    """)
                return await retire(session)
            }
            do { try await Task.sleep(for: watchdog.interval) } catch { return }
        }
    }

    /// Lets a process finish what it has begun, then ends it.
    private func retire(_ session: HostSession) async {
        setPhase(.restarting(session))
        let deadline = ContinuousClock.now + min(settings.callbackTimeout, .seconds(5))
        while session.isOpen, session.pendingCount > 0, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
        }
        session.kill("it grew too large")
    }

    private static func describe(_ labels: [CallLabel]) -> String {
        let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
        if counts.isEmpty { return "none" }
        return counts.sorted { $0.value > $1.value }.prefix(20)
            .map { "\($0.key)\($0.value > 1 ? " (\($0.value))" : "")" }
            .joined(separator: ", ")
    }
}
