import Synchronization

/// Every metric of this process, and the page on which Prometheus reads them.
///
/// Asking twice for one name gives the same metric, so two parts may share one. Names follow Prometheus'
/// [practices](https://prometheus.io/docs/practices/naming/): base units, `_total` on counters; ours begin `axolemma_`.
package final class MetricsRegistry: Sendable {
    private enum Kind: Sendable {
        case counter(Family<Counter>)
        case gauge(Family<Gauge>)
        case histogram(Family<Histogram>)
        case sampled(type: String, @Sendable () -> Double?)
    }

    private struct Metric: Sendable {
        let name: String
        let help: String
        let kind: Kind
    }

    private let metrics = Mutex<[String: Metric]>([:])

    package init() {}

    package func counters(_ name: String, help: String, labels: [String]) -> Family<Counter> {
        let kind = register(name, help) { .counter(Family(labels: labels) { Counter() }) }
        guard case .counter(let family) = kind, family.labels == labels else { preconditionFailure(clash(name)) }
        return family
    }

    package func gauges(_ name: String, help: String, labels: [String]) -> Family<Gauge> {
        let kind = register(name, help) { .gauge(Family(labels: labels) { Gauge() }) }
        guard case .gauge(let family) = kind, family.labels == labels else { preconditionFailure(clash(name)) }
        return family
    }

    /// - Parameter bounds: The upper bounds of the ranges, ascending, without infinity.
    package func histograms(
        _ name: String, help: String, labels: [String], bounds: [Double] = Histogram.defaultBounds
    ) -> Family<Histogram> {
        let kind = register(name, help) { .histogram(Family(labels: labels) { Histogram(bounds: bounds) }) }
        guard case .histogram(let family) = kind, family.labels == labels else { preconditionFailure(clash(name)) }
        return family
    }

    package func counter(_ name: String, help: String) -> Counter { counters(name, help: help, labels: []).with() }

    package func gauge(_ name: String, help: String) -> Gauge { gauges(name, help: help, labels: []).with() }

    package func histogram(_ name: String, help: String, bounds: [Double] = Histogram.defaultBounds) -> Histogram {
        histograms(name, help: help, labels: [], bounds: bounds).with()
    }

    /// Adds a gauge that is read when the page is asked for; a reading of `nil` leaves it out of that page.
    package func sampledGauge(_ name: String, help: String, _ read: @escaping @Sendable () -> Double?) {
        _ = register(name, help) { .sampled(type: "gauge", read) }
    }

    /// Adds a counter that is read when the page is asked for; a reading of `nil` leaves it out of that page.
    package func sampledCounter(_ name: String, help: String, _ read: @escaping @Sendable () -> Double?) {
        _ = register(name, help) { .sampled(type: "counter", read) }
    }

    private func register(_ name: String, _ help: String, _ make: () -> Kind) -> Kind {
        metrics.withLock { metrics in
            if let known = metrics[name] { return known.kind }
            let made = make()
            metrics[name] = Metric(name: name, help: help, kind: made)
            return made
        }
    }

    private func clash(_ name: String) -> String { "the metric \(name) is already registered with another shape" }
}

extension MetricsRegistry {
    /// The media type of ``page()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics in Prometheus'
    /// [text format](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format), sorted by name.
    package func page() -> [UInt8] {
        var page = PrometheusPage()
        for metric in metrics.withLock({ $0.values.sorted { $0.name < $1.name } }) {
            switch metric.kind {
            case .counter(let family):
                page.begin(metric.name, type: "counter", help: metric.help)
                for (values, counter) in family.all {
                    page.sample(metric.name, family.labels, values, Double(counter.value))
                }
            case .gauge(let family):
                page.begin(metric.name, type: "gauge", help: metric.help)
                for (values, gauge) in family.all { page.sample(metric.name, family.labels, values, gauge.value) }
            case .histogram(let family):
                page.begin(metric.name, type: "histogram", help: metric.help)
                for (values, histogram) in family.all { page.histogram(metric.name, family.labels, values, histogram) }
            case .sampled(let type, let read):
                guard let value = read() else { continue }
                page.begin(metric.name, type: type, help: metric.help)
                page.sample(metric.name, [], [], value)
            }
        }
        return page.bytes
    }
}
