package import ServerMetrics
import Synchronization

/// What is measured of requests and connections.
struct HTTPMetrics: Sendable {
    let connections: Gauge
    let strays: EndpointMetrics
    private let requests: Family<Counter>
    private let seconds: Family<Histogram>

    init(_ registry: MetricsRegistry) {
        requests = registry.counters(
            "axolemma_http_requests_total", help: "Requests answered, by endpoint and status.",
            labels: ["method", "endpoint", "code"])
        seconds = registry.histograms(
            "axolemma_http_request_seconds", help: "Time from a request's last byte to its answer.",
            labels: ["method", "endpoint"])
        connections = registry.gauge("axolemma_http_connections", help: "Open connections of clients.")
        strays = EndpointMetrics(method: "", endpoint: "", requests, seconds)
    }

    func endpoint(_ endpoint: Endpoint) -> EndpointMetrics {
        EndpointMetrics(method: endpoint.method.rawValue, endpoint: endpoint.path, requests, seconds)
    }

    func mount(_ mount: Mount) -> EndpointMetrics {
        EndpointMetrics(method: "any", endpoint: mount.path, requests, seconds)
    }
}

/// What is measured of one endpoint, at all its paths.
final class EndpointMetrics: Sendable {
    private let method: String
    private let endpoint: String
    private let requests: Family<Counter>
    private let seconds: Histogram
    private let byStatus = Mutex<[(status: Int, counter: Counter)]>([])

    init(method: String, endpoint: String, _ requests: Family<Counter>, _ seconds: Family<Histogram>) {
        self.method = method
        self.endpoint = endpoint
        self.requests = requests
        self.seconds = seconds.with(method, endpoint)
    }

    func answered(status: Int, seconds: Double) {
        self.seconds.observe(seconds)
        let counter = byStatus.withLock { known in
            if let entry = known.first(where: { $0.status == status }) { return entry.counter }
            let counter = requests.with(method, endpoint, "\(status)")
            known.append((status, counter))
            return counter
        }
        counter.increment()
    }
}

/// The page Prometheus reads, `/_synapse/metrics`.
package struct MetricsPage: EndpointGroup {
    private let registry: MetricsRegistry

    package init(_ registry: MetricsRegistry) { self.registry = registry }

    package var endpoints: [Endpoint] { [.get("/_synapse/metrics", .anyone, metrics)] }

    @Sendable private func metrics(_ call: Call) -> Reply {
        Reply(status: 200, contentType: MetricsRegistry.contentType, body: registry.page())
    }
}

/// The page that says the server is up, `/health`; every listener serves it.
package struct HealthPage: EndpointGroup {
    package init() {}

    package var endpoints: [Endpoint] { [.get("/health", .anyone, health)] }

    @Sendable private func health(_ call: Call) -> Reply { .text("OK") }
}
