import ArgumentParser
import ServerConfiguration

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How commands end.
extension ExitCode {
    /// The configuration is at fault.
    static let faultyConfiguration = ExitCode(1)
    /// The server, or what it was asked, failed.
    static let failed = ExitCode(70)
}

/// Writes to standard error.
enum StandardError {
    static func print(_ line: String) { write(line + "\n") }

    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = systemWrite(STDERR_FILENO, bytes, bytes.count)
    }
}

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, buffer, count)
}

/// Runs a part of a command; a faulty configuration is told to the user, every fault on a line, and ends the command.
func reportingFaults<Value>(_ body: () throws(ConfigurationError) -> Value) throws -> Value {
    do throws(ConfigurationError) {
        return try body()
    } catch {
        report(error)
        throw ExitCode.faultyConfiguration
    }
}

/// Tells the user what is wrong with a configuration.
func report(_ error: ConfigurationError) {
    let count = error.faults.count
    StandardError.print(count == 1 ? "Error in configuration:" : "\(count) errors in configuration:")
    for fault in error.faults { StandardError.print("  \(fault)") }
}

/// The options that name a configuration.
struct ConfigurationPaths: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config-path")],
        help: ArgumentHelp(
            "A configuration file, or a directory of *.yaml files. May be given several times.",
            discussion: "Top-level options of later files replace those of earlier ones.", valueName: "file"))
    var paths: [String] = []

    mutating func validate() throws {
        if paths.isEmpty { throw ValidationError("Name the configuration, as in: -c homeserver.yaml") }
    }
}
