import MatrixCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The folder through which a test and its puppet speak.
struct Strings: Sendable {
    let folder: String

    /// Writes down a call.
    func note(_ callback: String, _ arguments: [JSON]) throws {
        let line = JSON.array([.string(callback), .array(arguments)]).encoded() + [UInt8(ascii: "\n")]
        let file = open("\(folder)/calls.jsonl", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure("cannot open \(folder)/calls.jsonl") }
        defer { close(file) }
        guard write(file, line, line.count) == line.count else { throw Failure("cannot write \(folder)/calls.jsonl") }
    }

    /// Holds this thread up.
    static func block(milliseconds: Int64) { usleep(UInt32(milliseconds) * 1000) }

    /// What a callback is to answer; `nil` if nothing was said.
    func script(_ callback: String) throws -> JSON? {
        let file = open("\(folder)/\(callback).json", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return try JSON.parse(bytes)
    }
}
