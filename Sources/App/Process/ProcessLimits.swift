#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Limits and habits of this process.
enum ProcessLimits {
    /// Sets how many files and connections may be open at once.
    /// - Parameter limit: The number, or 0 for as many as the system lets us. More than that is cut down to it.
    /// - Returns: The number that holds now; `nil` if it could not be set.
    @discardableResult
    static func allowOpenFiles(_ limit: Int) -> Int? {
        #if canImport(Darwin)
        let resource = RLIMIT_NOFILE
        #else
        let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        #endif
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return nil }
        limits.rlim_cur = limit == 0 ? limits.rlim_max : min(rlim_t(limit), limits.rlim_max)
        guard setrlimit(resource, &limits) == 0 else { return nil }
        return Int(clamping: limits.rlim_cur)
    }

    /// Makes writing to a connection that the other side has closed an error instead of the end of the process.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
