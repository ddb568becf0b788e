import Synchronization

/// The instruments of one name that differ in the values of their labels.
///
/// Looking one up takes a lock and hashes the values: whoever records often keeps the instrument, not the family.
package final class Family<Instrument: Sendable>: Sendable {
    /// The names of the labels, in the order in which their values are given.
    package let labels: [String]
    private let make: @Sendable () -> Instrument
    private let instruments = Mutex<[[String]: Instrument]>([:])

    init(labels: [String], make: @escaping @Sendable () -> Instrument) {
        self.labels = labels
        self.make = make
    }

    /// The instrument for these values, made if this is the first time they are seen.
    ///
    /// Every combination stays for good, so a value must come from a small fixed set, never from a client.
    /// - Precondition: There are as many values as labels.
    package func with(_ values: String...) -> Instrument { with(values) }

    /// The instrument for these values, made if this is the first time they are seen.
    package func with(_ values: [String]) -> Instrument {
        precondition(values.count == labels.count, "labels \(labels) were given the values \(values)")
        return instruments.withLock { instruments in
            if let known = instruments[values] { return known }
            let made = make()
            instruments[values] = made
            return made
        }
    }

    /// Every instrument with its label values, sorted by them.
    var all: [(values: [String], instrument: Instrument)] {
        instruments.withLock { $0.map { (values: $0.key, instrument: $0.value) } }
            .sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }
}
