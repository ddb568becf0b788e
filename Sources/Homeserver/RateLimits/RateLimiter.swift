package import MatrixCore
package import Storage
import Synchronization

/// Refuses what is done too often.
///
/// Each pair of action and key has a bucket that every use fills by one and that leaks at the action's rate; a use that
/// would overfill it is refused and not counted. Spec:
/// [Rate limiting](https://spec.matrix.org/v1.19/client-server-api/#rate-limiting).
package final class RateLimiter: Sendable {
    private let settings: RateLimitSettings
    private let time: TimeSource
    private let buckets: [LimitedAction: Buckets]
    private let overrides: Mutex<[UserID: RateLimitOverride]>

    package init(
        settings: RateLimitSettings, time: TimeSource = .system, overrides: [UserID: RateLimitOverride] = [:]
    ) {
        self.settings = settings
        self.time = time
        self.overrides = Mutex(overrides)
        var buckets: [LimitedAction: Buckets] = [:]
        for action in LimitedAction.allCases where settings[action] != nil { buckets[action] = Buckets() }
        self.buckets = buckets
    }

    /// Counts one use of `action`, or refuses it.
    ///
    /// - Parameters:
    ///   - key: Whose uses are counted together: a user ID, a room ID or an address.
    ///   - requester: Who acts. An administrator can have set a limit of their own for them, or none.
    ///   - cost: How many uses it counts as.
    ///   - limit: The limit in the place of the configured one, where there is one.
    ///   - now: The time; by default the clock's.
    /// - Throws: 429 `M_LIMIT_EXCEEDED` with the time to wait.
    package func check(
        _ action: LimitedAction, key: String, for requester: Requester? = nil, cost: Double = 1,
        limit: RateLimit? = nil, now: Timestamp? = nil
    ) throws(MatrixError) {
        try take(action, key: key, requester: requester, cost: cost, limit: limit, counted: true, now: now)
    }

    /// Refuses as ``check(_:key:for:cost:now:)`` would, but counts nothing.
    package func peek(
        _ action: LimitedAction, key: String, for requester: Requester? = nil, now: Timestamp? = nil
    ) throws(MatrixError) {
        try take(action, key: key, requester: requester, cost: 1, limit: nil, counted: false, now: now)
    }

    /// Whether an administrator freed the user of every limit.
    func isExempt(_ user: UserID) -> Bool { overrides.withLock { $0[user] }?.messagesPerSecond == 0 }

    /// Sets or removes a user's own limit, which holds for messages; 0 a second exempts from every limit.
    package func setOverride(_ override: RateLimitOverride?, for user: UserID) {
        overrides.withLock { $0[user] = override }
    }

    /// A user's own limit; `nil` if they have none.
    package func override(for user: UserID) -> RateLimitOverride? { overrides.withLock { $0[user] } }

    /// How many buckets are held in memory.
    var bucketCount: Int { buckets.values.reduce(0) { $0 + $1.count } }

    private func take(
        _ action: LimitedAction, key: String, requester: Requester?, cost: Double, limit own: RateLimit?,
        counted: Bool, now: Timestamp?
    ) throws(MatrixError) {
        guard let configured = settings[action], let buckets = buckets[action] else { return }
        var limit = own ?? configured
        if let requester, let override = overrides.withLock({ $0[requester.user] }) {
            if override.messagesPerSecond == 0 { return }
            if action == .message {
                limit = RateLimit(perSecond: Double(override.messagesPerSecond), burst: Double(override.burstCount))
            }
        }
        let wait = buckets.take(
            key, limit: limit, cost: cost, counted: counted, at: (now ?? time.now()).milliseconds)
        if let wait { throw .limitExceeded(retryAfter: wait) }
    }
}

extension MatrixError {
    /// 429 `M_LIMIT_EXCEEDED`.
    /// - Parameter retryAfter: Milliseconds until the request has a chance.
    package static func limitExceeded(retryAfter: Int64) -> MatrixError {
        let wait = max(1, retryAfter)
        return MatrixError(
            status: 429, code: .limitExceeded, message: "Too Many Requests",
            fields: ["retry_after_ms": .integer(wait)],
            headers: [HeaderField("Retry-After", String((wait + 999) / 1000))])
    }
}

/// The leaky buckets of one action.
private final class Buckets: Sendable {
    private struct Key: Hashable {
        let text: String
        static func == (left: Key, right: Key) -> Bool { left.text.hasSameBytes(as: right.text) }
        func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
    }
    private struct Bucket {
        var level: Double
        var at: Int64

        func level(at time: Int64, leaking perSecond: Double) -> Double {
            max(0, level - Double(max(0, time - at)) / 1000 * perSecond)
        }
    }
    private struct State {
        var buckets: [Key: Bucket] = [:]
        /// At how many buckets the empty ones are thrown out.
        var sweepAt = Buckets.smallest
    }
    private static let smallest = 512
    /// More keys than this are not told apart for long: it bounds what someone with many addresses can make us hold.
    private static let largest = 100_000

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.buckets.count } }

    /// Adds `cost` to the key's bucket.
    /// - Returns: `nil`, or how many milliseconds must pass before there is room.
    func take(_ text: String, limit: RateLimit, cost: Double, counted: Bool, at time: Int64) -> Int64? {
        let key = Key(text: text)
        return state.withLock { state in
            let level = state.buckets[key]?.level(at: time, leaking: limit.perSecond) ?? 0
            // The margin keeps a use at the very millisecond that was promised from being refused by rounding.
            let excess = level + cost - limit.burst
            guard excess <= 1e-6 else {
                guard limit.perSecond > 0 else { return 86_400_000 }
                return Int64((excess / limit.perSecond * 1000).rounded(.up))
            }
            guard counted else { return nil }
            state.buckets[key] = Bucket(level: level + cost, at: time)
            if state.buckets.count >= state.sweepAt { Self.sweep(&state, leaking: limit.perSecond, at: time) }
            return nil
        }
    }

    private static func sweep(_ state: inout State, leaking perSecond: Double, at time: Int64) {
        state.buckets = state.buckets.filter { $0.value.level(at: time, leaking: perSecond) > 0 }
        if state.buckets.count > largest {
            for key in state.buckets.keys.prefix(state.buckets.count - largest / 2) { state.buckets[key] = nil }
        }
        state.sweepAt = min(max(smallest, state.buckets.count * 2), largest + 1)
    }
}
