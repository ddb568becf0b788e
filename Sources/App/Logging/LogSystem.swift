import Logging
import Synchronization

/// The server's logging, set up once.
final class LogSystem: Sendable {
    private let plan: LogPlan
    private let writer: LogWriter

    /// - Throws: ``LogOutputError`` if a file cannot be opened.
    init(_ plan: LogPlan) throws(LogOutputError) {
        self.plan = plan
        writer = try LogWriter(plan.outputs)
    }

    /// The one that the program's loggers use, once there is one.
    private static let current = Mutex<LogSystem?>(nil)

    /// Makes all loggers made from now on write as `plan` says.
    /// - Throws: ``LogOutputError`` if a file cannot be opened.
    static func start(_ plan: LogPlan) throws(LogOutputError) {
        let system = try LogSystem(plan)
        system.writer.start()
        current.withLock { $0 = system }
        LoggingSystem.bootstrap(
            { label, provider in system.handler(label: label, provider: provider) }, metadataProvider: nil)
    }

    /// Opens the log files again, for `SIGHUP`; files that cannot be opened are logged as errors.
    static func reopen() {
        guard let system = current.withLock({ $0 }) else { return }
        let logger = Logger(label: "axolemma.log")
        for error in system.writer.reopen() { logger.error("\(error)") }
        logger.info("Log files opened again")
    }

    /// Writes what is still to be written. To be called before the process ends.
    static func flush() { current.withLock { $0 }?.writer.flush() }

    func handler(label: String, provider: Logger.MetadataProvider? = nil) -> ServerLogHandler {
        ServerLogHandler(label: label, route: plan.route(for: label), writer: writer, metadataProvider: provider)
    }

    /// Writes this system's records, for tests.
    func flush() { writer.flush() }
}

/// Hands records to the ``LogWriter``.
struct ServerLogHandler: LogHandler {
    private let label: String
    private let outputs: [Int]
    private let writer: LogWriter
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, route: LogPlan.Route, writer: LogWriter, metadataProvider: Logger.MetadataProvider?) {
        self.label = label
        self.writer = writer
        self.metadataProvider = metadataProvider
        outputs = route.outputs
        logLevel = route.level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard !outputs.isEmpty else { return }
        var all = metadata
        if let provided = metadataProvider?.get(), !provided.isEmpty { all.merge(provided) { _, new in new } }
        if let own = event.metadata, !own.isEmpty { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = .string("\(error)") }
        writer.append(
            LogRecord(
                time: .now(), level: event.level, label: label, message: event.message.description, metadata: all,
                file: event.file, function: event.function, line: event.line, outputs: outputs))
    }
}
