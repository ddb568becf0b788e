import Logging

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A format string of Python's `logging.Formatter` in its `%` style, taken apart once.
struct LogPattern: Sendable {
    private enum Part: Sendable {
        case literal([UInt8])
        case field(Field, padding: Padding)
    }

    private enum Field: Sendable, Equatable {
        case time, created, milliseconds, levelName, levelNumber, name, message
        case line, function, path, fileName, module, process
        /// A member of the metadata, such as `request`; Synapse's formats name some of them.
        case metadata(String)
    }

    private struct Padding: Sendable {
        var width = 0
        var leftAligned = false
        var withZeros = false
    }

    private var parts: [Part] = []
    private let dateFormat: String?
    /// Metadata that has a place in the line; the rest follows the message.
    private var placed: Set<String> = []

    /// - Parameter dateFormat: `datefmt`, a format of `strftime`.
    init(_ format: String, dateFormat: String? = nil) {
        self.dateFormat = dateFormat
        var rest = Array(format.utf8)[...]
        var literal: [UInt8] = []
        while let byte = rest.first {
            if byte == UInt8(ascii: "%"), let (part, length) = Self.field(rest) {
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                parts.append(part)
                if case .field(.metadata(let key), _) = part { placed.insert(key) }
                rest = rest.dropFirst(length)
            } else {
                literal.append(byte)
                rest = rest.dropFirst(rest.starts(with: "%%".utf8) ? 2 : 1)
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
    }

    /// Reads `%(name)-8s` at the beginning of `text`; `nil` if something else stands there.
    private static func field(_ text: ArraySlice<UInt8>) -> (Part, length: Int)? {
        guard text.starts(with: "%(".utf8), let close = text.firstIndex(of: UInt8(ascii: ")")) else { return nil }
        let name = String(decoding: text[(text.startIndex + 2)..<close], as: UTF8.self)
        var padding = Padding()
        var index = close + 1
        while index < text.endIndex {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "-"): padding.leftAligned = true
            case UInt8(ascii: "0") where padding.width == 0: padding.withZeros = true
            case 0x30...0x39: padding.width = min(padding.width * 10 + Int(byte) - 0x30, 200)
            case UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: " "), UInt8(ascii: "#"): break
            case UInt8(ascii: "s"), UInt8(ascii: "d"), UInt8(ascii: "f"), UInt8(ascii: "i"), UInt8(ascii: "r"):
                return (.field(field(named: name), padding: padding), index - text.startIndex)
            default: return nil
            }
        }
        return nil
    }

    private static func field(named name: String) -> Field {
        switch name {
        case "asctime": .time
        case "created": .created
        case "msecs": .milliseconds
        case "levelname": .levelName
        case "levelno": .levelNumber
        case "name": .name
        case "message": .message
        case "lineno": .line
        case "funcName": .function
        case "pathname": .path
        case "filename": .fileName
        case "module": .module
        case "process": .process
        default: .metadata(name)
        }
    }

    func append(_ record: LogRecord, to bytes: inout [UInt8], clock: inout LogClock) {
        for part in parts {
            switch part {
            case .literal(let literal): bytes += literal
            case .field(.message, let padding):
                append(record.message, padding, to: &bytes)
                appendRest(of: record.metadata, to: &bytes)
            case .field(let field, let padding):
                append(text(of: field, record, &clock), padding, to: &bytes)
            }
        }
    }

    private func text(of field: Field, _ record: LogRecord, _ clock: inout LogClock) -> String {
        switch field {
        case .time: clock.text(of: record.time, format: dateFormat)
        case .created: "\(record.time.seconds).\(String(1_000_000 + record.time.nanoseconds / 1000).dropFirst())"
        case .milliseconds: String(record.time.nanoseconds / 1_000_000)
        case .levelName: record.level.pythonName
        case .levelNumber: String(record.level.pythonNumber)
        case .name: record.label
        case .message: record.message
        case .line: String(record.line)
        case .function: record.function
        case .path: record.file
        case .fileName: String(record.file.utf8.split(separator: UInt8(ascii: "/")).last.map(Substring.init) ?? "")
        case .module:
            String(
                record.file.utf8.split(separator: UInt8(ascii: "/")).last?.split(separator: UInt8(ascii: "."))
                    .first.map(Substring.init) ?? "")
        case .process: String(getpid())
        // Synapse writes "sentinel" where no request is being worked on.
        case .metadata(let key): record.metadata[key]?.description ?? (key == "request" ? "sentinel" : "")
        }
    }

    private func append(_ text: String, _ padding: Padding, to bytes: inout [UInt8]) {
        let missing = padding.width > 0 ? max(0, padding.width - text.count) : 0
        let filler = [UInt8](repeating: padding.withZeros ? UInt8(ascii: "0") : UInt8(ascii: " "), count: missing)
        if !padding.leftAligned { bytes += filler }
        bytes.append(contentsOf: text.utf8)
        if padding.leftAligned { bytes += filler }
    }

    /// Appends what has no place of its own as ` [key=value key=value]`.
    private func appendRest(of metadata: Logger.Metadata, to bytes: inout [UInt8]) {
        guard !metadata.isEmpty else { return }
        let rest = metadata.filter { !placed.contains($0.key) }
        guard !rest.isEmpty else { return }
        let text = rest.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        bytes.append(contentsOf: " [\(text)]".utf8)
    }
}
