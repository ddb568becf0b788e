import Glibc
import Logging
import NIOCore

extension WebServer {
    /// What can be chosen about the server as a whole.
    package struct Configuration: Sendable {
        /// Our version, for the `Server` header.
        package var version: String
        /// How many threads serve connections.
        package var eventLoopThreads = System.coreCount
        /// How many connections may be open at once, over all listeners; further ones wait to be accepted. Fewer are allowed
        /// if the process may not open as many files.
        package var maximumConnections = 10_000
        /// How many bytes a request's headers may have together, and its target.
        package var maximumHeaderBytes = 65_536
        package var timeouts = Timeouts()
        /// How long requests may go on after a stop began, before they are cancelled.
        package var shutdownGrace: Duration = .seconds(3)
        /// How long a stop may take in all.
        package var shutdownLimit: Duration = .seconds(15)

        package init(version: String) { self.version = version }
    }

    /// How long clients may take. A request that is being answered has no limit: long polls wait as long as they like.
    package struct Timeouts: Sendable {
        /// From connecting to the end of the first request's headers, TLS handshake included.
        package var firstRequest: Duration = .seconds(30)
        /// From an answer to the end of the next request's headers.
        package var idle: Duration = .seconds(120)
        /// For a request's body, beside the time its bytes take at ``minimumRate``.
        package var body: Duration = .seconds(30)
        /// For reading an answer, when the connection is to be closed.
        package var drain: Duration = .seconds(5)
        /// How many bytes a second a client has to send or read.
        package var minimumRate = 4_096

        package init() {}
    }
}

extension WebServer.Configuration {
    /// How many connections there may be, given the files this process may open.
    func connectionLimit(logger: Logger) -> Int {
        // The database, Python modules and requests to other servers need descriptors too.
        let reserved = 200
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0,
            files.rlim_cur < UInt64(maximumConnections + reserved)
        else { return maximumConnections }
        let limit = max(Int(files.rlim_cur) - reserved, Int(files.rlim_cur) / 2, 1)
        logger.notice(
            """
            At most \(limit) connections at once, as this process may open \(files.rlim_cur) files only. Raise that \
            limit (LimitNOFILE= in systemd, ulimit -n in a shell) to allow \(maximumConnections).
            """)
        return limit
    }
}

extension WebServer.Timeouts {
    /// How often connections are checked: a tenth of the shortest time, within reason.
    var sweepInterval: TimeAmount {
        let shortest = min(min(firstRequest, idle), min(body, drain))
        return max(.milliseconds(5), min(.seconds(5), TimeAmount(shortest / 10)))
    }

    /// How long so many bytes may take.
    func transfer(of bytes: Int) -> Duration { .milliseconds(bytes * 1_000 / max(minimumRate, 1)) }
}

extension NIODeadline {
    static func + (deadline: NIODeadline, duration: Duration) -> NIODeadline { deadline + TimeAmount(duration) }
}
