import ServerConfiguration

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file that holds the number of this process as long as it runs.
struct PIDFile {
    private let path: String

    /// Writes the file, over one that an earlier run has left.
    /// - Throws: ``ConfigurationError`` if it cannot be written.
    init(path: String) throws(ConfigurationError) {
        self.path = path
        unlink(path)
        do throws(Files.Failure) {
            try Files.create(path, "\(getpid())\n", mode: 0o644)
        } catch {
            throw ConfigurationError(
                ConfigurationFault(
                    at: SourceLocation(file: path), option: "pid_file", problem: "cannot be written: \(error)",
                    fix: "name a file in a directory that the server's user may write to"))
        }
    }

    func remove() { unlink(path) }
}
