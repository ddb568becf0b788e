import Synchronization

/// Counts and times the calls of one callback of one module.
///
/// Durations are kept in classes, four to the doubling, so quantiles are at most a quarter too long.
final class CallbackMeter: Sendable {
    private struct Numbers {
        var outcomes = [UInt64](repeating: 0, count: CallbackOutcome.allCases.count)
        var classes = [UInt64](repeating: 0, count: CallbackMeter.classes)
    }

    /// Four classes to the doubling, from a microsecond to over an hour.
    private static let classes = 4 * 32
    private let numbers = Mutex(Numbers())

    func record(_ outcome: CallbackOutcome, _ duration: Duration) {
        let index = Self.index(of: duration)
        numbers.withLock { numbers in
            numbers.outcomes[outcome.index] += 1
            numbers.classes[index] += 1
        }
    }

    /// What was counted so far.
    func overview(of callback: ModuleCallback) -> CallbackOverview {
        let numbers = numbers.withLock { $0 }
        let calls = numbers.outcomes.reduce(0, +)
        func quantile(_ fraction: Double) -> Duration? {
            guard calls > 0 else { return nil }
            let rank = UInt64((Double(calls) * fraction).rounded(.up))
            var seen: UInt64 = 0
            for (index, count) in numbers.classes.enumerated() {
                seen += count
                if seen >= rank { return Self.upperBound(of: index) }
            }
            return nil
        }
        return CallbackOverview(
            callback: callback, calls: calls, denials: numbers.outcomes[CallbackOutcome.denied.index],
            failures: numbers.outcomes[CallbackOutcome.failed.index],
            timeouts: numbers.outcomes[CallbackOutcome.timedOut.index],
            p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99))
    }

    /// The class of a duration. Class 4n + q ends at (1 + (q + 1) / 4) · 2ⁿ microseconds.
    private static func index(of duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds.magnitude.multipliedReportingOverflow(by: 1_000_000_000)
        guard seconds >= 0, !nanoseconds.overflow else { return seconds < 0 ? 0 : classes - 1 }
        let quarters = (nanoseconds.partialValue + UInt64(attoseconds / 1_000_000_000)) / 250
        guard quarters >= 4 else { return 0 }
        let doubling = UInt64.bitWidth - 1 - quarters.leadingZeroBitCount - 2
        let quarter = Int((quarters >> UInt64(doubling)) & 3)
        return min(4 * doubling + quarter, classes - 1)
    }

    private static func upperBound(of index: Int) -> Duration {
        let doubling = index / 4
        let quarter = index % 4
        return .nanoseconds(Int64(5 + quarter) * 250 << Int64(doubling))
    }
}

extension CallbackOutcome {
    fileprivate var index: Int {
        switch self {
        case .ok: 0
        case .denied: 1
        case .failed: 2
        case .timedOut: 3
        }
    }
}

/// A module and what became of its callbacks since the server started.
package struct ModuleOverview: Hashable, Sendable {
    package var name: String
    package var language: ModuleLanguage
    /// In the order of ``ModuleCallback``. Modules of one name are counted as one.
    package var callbacks: [CallbackOverview]
}

/// What became of a callback since the server started.
package struct CallbackOverview: Hashable, Sendable {
    package var callback: ModuleCallback
    package var calls: UInt64
    /// Calls that denied, or threw a `MatrixError`.
    package var denials: UInt64
    /// Calls that threw anything else.
    package var failures: UInt64
    /// Calls that took too long.
    package var timeouts: UInt64
    /// Within which time half of the calls were over, nine tenths, all but a hundredth; at most a quarter too long.
    package var p50: Duration?
    package var p90: Duration?
    package var p99: Duration?
}
