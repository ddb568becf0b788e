import ServerConfiguration

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Asks the person at the terminal.
enum Terminal {
    /// The name of who runs the program.
    static var userName: String? {
        getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) }
    }

    /// Asks and reads a line, without blanks around it; `nil` at the end of the input.
    static func ask(_ question: String) -> String? {
        StandardError.write(question)
        return readLine()?.trimmed()
    }

    /// Asks and reads a line that is not shown while it is typed; `nil` at the end of the input.
    static func askSecretly(_ question: String) -> String? {
        var settings = termios()
        guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, &settings) == 0 else {
            StandardError.write(question)
            return readLine()
        }
        var quiet = settings
        quiet.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        // Only now: what is typed before the line above would be shown, and thrown away.
        StandardError.write(question)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            StandardError.write("\n")
        }
        return readLine()
    }
}
