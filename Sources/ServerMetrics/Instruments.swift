import Synchronization

/// A number that only grows, such as how many requests were answered.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    package var value: UInt64 { count.load(ordering: .relaxed) }

    package func increment(by amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
}

/// A number that goes up and down, such as how many connections are open.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Adds `amount`, which may be negative.
    package func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let wanted = (Double(bitPattern: known) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: known, desired: wanted, ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }
}

/// How observed values are spread over fixed ranges, such as how long requests took.
package final class Histogram: Sendable {
    /// Bounds in seconds that suit anything from a cached look-up to a long poll.
    package static let defaultBounds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// What was observed up to now.
    package struct Reading: Sendable {
        /// How many observations fell into each range: one range per bound, at most the bound, and one for the rest.
        package var counts: [UInt64]
        package var sum: Double
        package var total: UInt64 { counts.reduce(0, +) }
    }

    /// The upper bounds of the ranges, ascending.
    package let bounds: [Double]
    private let observed: Mutex<Reading>

    init(bounds: [Double]) {
        self.bounds = bounds
        observed = Mutex(Reading(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0))
    }

    package var reading: Reading { observed.withLock { $0 } }

    package func observe(_ value: Double) {
        var range = 0
        while range < bounds.count, value > bounds[range] { range += 1 }
        observed.withLock { reading in
            reading.counts[range] += 1
            reading.sum += value
        }
    }

    /// Observes a duration, in seconds.
    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }
}
