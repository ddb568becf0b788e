import Logging
import MatrixCore

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How a record becomes a line.
enum LogFormat: Sendable {
    /// Text with the fields of Python's `logging.Formatter`.
    case text(LogPattern)
    /// A JSON object a line, as Synapse's `JsonFormatter` writes it, and with the time its `TerseJsonFormatter`.
    case json(withTime: Bool)

    /// Synapse's usual format.
    static let standard = LogFormat.text(
        LogPattern("%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s"))

    /// Appends the line with its line feed.
    func append(_ record: LogRecord, to bytes: inout [UInt8], clock: inout LogClock) {
        switch self {
        case .text(let pattern): pattern.append(record, to: &bytes, clock: &clock)
        case .json(let withTime): Self.appendJSON(record, withTime: withTime, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func appendJSON(_ record: LogRecord, withTime: Bool, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"log\":".utf8)
        bytes.appendJSONString(record.message)
        bytes.append(contentsOf: ",\"namespace\":".utf8)
        bytes.appendJSONString(record.label)
        bytes.append(contentsOf: ",\"level\":".utf8)
        bytes.appendJSONString(record.level.pythonName)
        if withTime {
            let hundredths = record.time.nanoseconds / 10_000_000
            bytes.append(contentsOf: ",\"time\":\(record.time.seconds).\(hundredths < 10 ? "0" : "")\(hundredths)".utf8)
        }
        for (key, value) in record.metadata.sorted(by: { $0.key < $1.key }) {
            bytes.append(UInt8(ascii: ","))
            bytes.appendJSONString(key)
            bytes.append(UInt8(ascii: ":"))
            append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: Logger.MetadataValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let string): bytes.appendJSONString(string)
        case .stringConvertible(let value): bytes.appendJSONString(value.description)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, (key, value)) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.appendJSONString(key)
                bytes.append(UInt8(ascii: ":"))
                append(value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

/// Remembers the text of the last second, as most records share theirs with the one before.
struct LogClock {
    private var second = Int.min
    private var text = ""
    private var format: String?

    /// The local time as Python's `asctime` has it by default, or as `format` says, a format of `strftime`.
    mutating func text(of time: LogTime, format: String?) -> String {
        if time.seconds != second || format != self.format {
            (second, self.format) = (time.seconds, format)
            text = Self.text(of: time.seconds, format: format ?? "%Y-%m-%d %H:%M:%S", utc: false)
        }
        guard format == nil else { return text }
        let milliseconds = time.nanoseconds / 1_000_000
        return text + "," + String(1000 + milliseconds).dropFirst()
    }

    static func text(of seconds: Int, format: String, utc: Bool) -> String {
        var parts = tm()
        var time = time_t(seconds)
        if utc { gmtime_r(&time, &parts) } else { localtime_r(&time, &parts) }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let count = strftime(base, buffer.count, format, &parts)
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
