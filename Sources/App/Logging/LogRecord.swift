import Logging

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A moment, as the system's clock tells it.
struct LogTime: Sendable, Comparable {
    /// Seconds since 1970-01-01 00:00 UTC.
    var seconds: Int
    /// Nanoseconds after that second.
    var nanoseconds: Int

    static func now() -> LogTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogTime(seconds: Int(time.tv_sec), nanoseconds: Int(time.tv_nsec))
    }

    static func < (left: LogTime, right: LogTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// One thing to log. Made on the thread that logs, formatted on the one that writes.
struct LogRecord: Sendable {
    var time: LogTime
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata
    var file: String
    var function: String
    var line: UInt
    /// The outputs that get it, by their number.
    var outputs: [Int]
}

extension Logger.Level {
    /// Python's name for the level. `trace` and `notice`, which it has no names for, count as their neighbours.
    var pythonName: String {
        switch self {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    /// Python's number for the level.
    var pythonNumber: Int {
        switch self {
        case .trace: 5
        case .debug: 10
        case .info: 20
        case .notice: 25
        case .warning: 30
        case .error: 40
        case .critical: 50
        }
    }

    /// The lowest level that a Python threshold lets through.
    init(pythonNumber number: Int) {
        self = Self.allCases.first { $0.pythonNumber >= number } ?? .critical
    }

    /// The level of Python's name for it, or of our own.
    init?(pythonName name: String) {
        switch name.uppercased() {
        case "NOTSET", "TRACE": self = .trace
        case "DEBUG": self = .debug
        case "INFO": self = .info
        case "NOTICE": self = .notice
        case "WARNING", "WARN": self = .warning
        case "ERROR": self = .error
        case "CRITICAL", "FATAL": self = .critical
        default: return nil
        }
    }
}
