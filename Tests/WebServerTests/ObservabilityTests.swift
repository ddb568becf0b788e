import Logging
import MatrixCore
import ServerMetrics
import TestSupport
import Testing

@testable import WebServer

@Suite struct ObservabilityTests {
    private var hello: Endpoint {
        .get("/_matrix/client/v3/hello/{name}", .user(guests: true), aliases: ["r0"]) { _ in .text("hello") }
    }

    @Test func `each request leaves one line that names its user and not its token`() async throws {
        try await withServer([hello]) { server in
            _ = try await server.client.request(
                "GET", "/_matrix/client/v3/hello/x?access_token=alice&a=b", headers: [("User-Agent", "test \"1\"")])
            let entry = try #require(server.log.entries.first)
            #expect(server.log.entries.count == 1)
            #expect(entry.requestID == "GET-1")
            let expected =
                #/
                127\.0\.0\.1\ -\ 0\ -\ {@alice:example\.org}\ 0\.\d{3}sec\ 5B\ 200\ "GET\ /_matrix/client/v3/hello/x
                \?access_token=<redacted>&a=b\ HTTP/1\.1"\ "test\ 1"
                /#
            #expect(entry.message.wholeMatch(of: expected) != nil, "\(entry.message)")
        }
    }

    @Test func `no line is written for requests when only warnings are wanted`() async throws {
        try await withServer([hello], accessLevel: .warning) { server in
            _ = try await server.client.get("/_matrix/client/v3/hello/x", token: "alice")
            #expect(server.log.entries.isEmpty)
        }
    }

    @Test func `requests are counted by endpoint and status, whatever path they took`() async throws {
        try await withServer([hello], listeners: [.free(resources: [.client, .metrics])]) { server in
            for path in ["v3/hello/a", "r0/hello/b", "v3/nowhere"] {
                _ = try await server.client.get("/_matrix/client/\(path)", token: "alice")
            }
            _ = try await server.client.get("/_matrix/client/v3/hello/a")
            let answer = try await server.client.get("/_synapse/metrics")
            #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            let lines = Set(answer.text.split(separator: "\n").map(String.init))
            let endpoint = #"method="GET",endpoint="/_matrix/client/v3/hello/{name}""#
            #expect(lines.contains(#"axolemma_http_requests_total{\#(endpoint),code="200"} 2"#))
            #expect(lines.contains(#"axolemma_http_requests_total{\#(endpoint),code="401"} 1"#))
            #expect(lines.contains(#"axolemma_http_requests_total{method="",endpoint="",code="404"} 1"#))
            #expect(lines.contains(#"axolemma_http_request_seconds_count{\#(endpoint)} 3"#))
            #expect(lines.contains("# TYPE axolemma_http_connections gauge"))
        }
    }

    @Test func `the metrics page has Prometheus' text format`() {
        let registry = MetricsRegistry()
        registry.counters("b_total", help: "Counts\n\"b\".", labels: ["x"]).with("q\"\\\n").increment(by: 3)
        registry.gauge("a", help: "A").set(0.5)
        registry.histogram("c", help: "C", bounds: [1, 2]).observe(1.5)
        registry.histogram("c", help: "C", bounds: [1, 2]).observe(.milliseconds(500))
        registry.sampledGauge("d", help: "D") { nil }
        #expect(
            String(decoding: registry.page(), as: UTF8.self) == #"""
                # HELP a A
                # TYPE a gauge
                a 0.5
                # HELP b_total Counts\n"b".
                # TYPE b_total counter
                b_total{x="q\"\\\n"} 3
                # HELP c C
                # TYPE c histogram
                c_bucket{le="1"} 1
                c_bucket{le="2"} 2
                c_bucket{le="+Inf"} 2
                c_sum 2
                c_count 2

                """#)
    }

    @Test func `the process tells what it uses`() throws {
        let registry = MetricsRegistry()
        ProcessMetrics.register(in: registry)
        let page = String(decoding: registry.page(), as: UTF8.self)
        var values: [Substring: Double] = [:]
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            values[parts[0]] = Double(parts[1])
        }
        #expect(values["process_cpu_seconds_total", default: 0] > 0)
        #expect(values["process_resident_memory_bytes", default: 0] > 1_000_000)
        #expect(values["process_open_fds", default: 0] >= 3)
        #expect(values["process_max_fds", default: 0] >= 3)
        #expect(values["process_start_time_seconds", default: 0] > 1_700_000_000)
    }
}
