#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A program that a command runs and waits for; it shares the terminal.
enum ChildProcess {
    /// The program could not be started.
    struct Failure: Error, CustomStringConvertible {
        let program: String
        let code: Int32
        var description: String { "\(program): \(String(cString: strerror(code)))" }
    }

    /// Runs a program, looked for in `PATH` unless it is a path.
    /// - Returns: Its exit status; 128 and the signal's number if a signal ended it.
    static func run(_ program: String, _ arguments: [String]) throws(Failure) -> Int32 {
        var pointers = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, program, nil, nil, &pointers, environ)
        guard code == 0 else { throw Failure(program: program, code: code) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure(program: program, code: errno) }
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}
