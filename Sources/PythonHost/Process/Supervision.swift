/// Decides when a process that ended is started again.
///
/// The first restart comes soon; every further one after twice the time, up to half a minute, until the process has run
/// well for a minute.
struct Supervision {
    static let firstDelay = Duration.milliseconds(100)
    static let longestDelay = Duration.seconds(30)
    static let healthyAfter = Duration.seconds(60)

    private var nextDelay = Self.firstDelay
    private var readySince: ContinuousClock.Instant?
    /// How often the process was started again.
    private(set) var restarts = 0

    /// The process answers.
    mutating func ready(at now: ContinuousClock.Instant) { readySince = now }

    /// The process has ended, or could not be started.
    /// - Returns: How long to wait before the next start.
    mutating func lost(at now: ContinuousClock.Instant) -> Duration {
        if let readySince, now - readySince >= Self.healthyAfter { nextDelay = Self.firstDelay }
        readySince = nil
        restarts += 1
        defer { nextDelay = min(nextDelay * 2, Self.longestDelay) }
        return nextDelay
    }
}

/// Decides whether a process is well by how it answers pings.
struct Watchdog {
    enum Verdict: Hashable {
        case well
        /// It has not answered in time.
        case blocked
        /// It holds more memory than it may.
        case tooLarge(bytes: Int)
    }

    /// How long a ping may take.
    let timeout: Duration
    let memoryLimit: Int

    /// How long to wait between two pings.
    var interval: Duration { min(max(timeout / 3, .milliseconds(50)), .seconds(10)) }

    /// - Parameter answer: What the ping came to; `nil` if nothing did in time.
    func judge(_ answer: (resident: Int?, after: Duration)?) -> Verdict {
        guard let answer, answer.after <= timeout else { return .blocked }
        if let resident = answer.resident, resident > memoryLimit { return .tooLarge(bytes: resident) }
        return .well
    }
}

extension Duration {
    var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
