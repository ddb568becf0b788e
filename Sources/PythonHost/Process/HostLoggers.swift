import Logging
import MatrixCore
import Synchronization

/// Brings what modules log into the server's log, under the names of their loggers.
final class HostLoggers: Sendable {
    /// Modules may name loggers as they like; beyond so many they share one.
    private static let limit = 512

    private let loggers = Mutex<[String: Logger]>([:])

    /// Writes an entry: `{"logger", "level", "message", "traceback"?}`.
    func write(_ entry: JSONObject) {
        let name = entry.string("logger").flatMap { $0.isEmpty || $0.utf8.count > 200 ? nil : $0 } ?? "axolemma.python"
        let level = Self.level(entry.string("level") ?? "")
        let log = logger(name)
        guard log.logLevel <= level else { return }
        var message = bounded(entry.string("message") ?? "")
        if let traceback = entry.string("traceback"), !traceback.isEmpty { message += "\n" + bounded(traceback) }
        log.log(level: level, "\(message)")
    }

    private func logger(_ name: String) -> Logger {
        loggers.withLock { loggers in
            if let known = loggers[name] { return known }
            let isKept = loggers.count < Self.limit
            let logger = Logger(label: isKept ? name : "axolemma.python")
            if isKept { loggers[name] = logger }
            return logger
        }
    }

    /// What Python calls a level.
    static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    private static func level(_ name: String) -> Logger.Level {
        switch name.uppercased() {
        case "TRACE", "NOTSET": .trace
        case "DEBUG": .debug
        case "WARNING", "WARN": .warning
        case "ERROR": .error
        case "CRITICAL", "FATAL": .critical
        default: .info
        }
    }
}
