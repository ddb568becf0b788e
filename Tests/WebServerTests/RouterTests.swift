import MatrixCore
import ServerMetrics
import Testing

@testable import WebServer

@Suite struct RouterTests {
    private let metrics = HTTPMetrics(MetricsRegistry())

    private func router(_ endpoints: [Endpoint]) -> Router {
        var router = Router()
        for endpoint in endpoints {
            for path in endpoint.paths {
                router.add(
                    Route(endpoint: endpoint, template: PathTemplate(path), metrics: metrics.endpoint(endpoint)))
            }
        }
        return router
    }

    private func endpoint(
        _ path: String, _ method: Endpoint.Method = .get, aliases: [String] = []
    ) -> Endpoint {
        Endpoint(method, path, .anyone, aliases: aliases) { _ in .json([:]) }
    }

    /// The template that a path leads to, and the raw text of its parameters.
    private func find(_ path: String, _ method: Endpoint.Method? = .get, in router: Router) -> [String]? {
        let bytes = Array(path.utf8)
        let match = bytes.withUnsafeBufferPointer { router.match(method, $0) }
        guard case .found(let route, let parameters) = match else { return nil }
        return [route.template.text] + parameters.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test func `a parameter takes exactly one segment`() {
        let router = router([endpoint("/rooms/{roomId}/state")])
        #expect(find("/rooms/!a:b/state", in: router) == ["/rooms/{roomId}/state", "!a:b"])
        #expect(find("/rooms/!a:b/c/state", in: router) == nil)
        #expect(find("/rooms/!a:b/state/", in: router) == nil)
        #expect(find("/rooms/!a:b", in: router) == nil)
    }

    @Test func `an encoded slash does not end a segment`() {
        let router = router([endpoint("/rooms/{roomId}/state")])
        #expect(find("/rooms/a%2Fb/state", in: router) == ["/rooms/{roomId}/state", "a%2Fb"])
    }

    @Test func `a literal segment may be percent-encoded`() {
        let router = router([endpoint("/rooms/{roomId}/state")])
        #expect(find("/r%6foms/x/state", in: router) != nil)
        #expect(find("/r%256foms/x/state", in: router) == nil)
    }

    @Test func `a segment may be empty`() {
        let router = router([endpoint("/state/{eventType}/{stateKey}"), endpoint("/state/{eventType}")])
        #expect(find("/state/t/", in: router) == ["/state/{eventType}/{stateKey}", "t", ""])
        #expect(find("/state/t", in: router) == ["/state/{eventType}", "t"])
        #expect(find("//state/t", in: router) == nil)
    }

    @Test func `a literal segment is preferred to a parameter`() {
        let router = router([endpoint("/profile/{userId}/{keyName}"), endpoint("/profile/{userId}/displayname")])
        #expect(find("/profile/u/displayname", in: router)?.first == "/profile/{userId}/displayname")
        #expect(find("/profile/u/tz", in: router)?.first == "/profile/{userId}/{keyName}")
    }

    @Test func `a literal segment that leads nowhere gives way to a parameter`() {
        let router = router([endpoint("/a/b/c"), endpoint("/a/{x}/d"), endpoint("/a/b/e", .put), endpoint("/a/{x}/e")])
        #expect(find("/a/b/d", in: router) == ["/a/{x}/d", "b"])
        #expect(find("/a/b/e", in: router) == ["/a/{x}/e", "b"])
        #expect(find("/a/b/e", .put, in: router) == ["/a/b/e"])
    }

    @Test func `a known path with another method tells which methods there are`() {
        let router = router([endpoint("/a"), endpoint("/a", .put)])
        let match = Array("/a".utf8).withUnsafeBufferPointer { router.match(.post, $0) }
        guard case .wrongMethod(let allowed) = match else {
            Issue.record("the path was not known")
            return
        }
        #expect(Set(allowed) == [.get, .put])
    }

    @Test func `an alias stands in for the version or is a path of its own`() {
        let endpoint = endpoint("/_matrix/client/v3/sync", aliases: ["r0", "unstable/org.x", "/_matrix/other"])
        #expect(
            endpoint.paths == [
                "/_matrix/client/v3/sync", "/_matrix/client/r0/sync", "/_matrix/client/unstable/org.x/sync",
                "/_matrix/other",
            ])
        let router = router([endpoint])
        for path in endpoint.paths { #expect(find(path, in: router) != nil) }
    }

    @Test func `a look-alike character is not the letter it looks like`() {
        let router = router([endpoint("/Keys")])
        #expect(find("/\u{212A}eys", in: router) == nil)  // KELVIN SIGN, canonically equivalent to K
    }

    @Test(arguments: [
        ("/_matrix/client/v3/sync", Resource.client), ("/_synapse/admin/v1/users", .client),
        ("/.well-known/matrix/client", .client), ("/_matrix/federation/v1/version", .federation),
        ("/_matrix/key/v2/server", .keys), ("/_matrix/media/v3/config", .media), ("/_synapse/metrics", .metrics),
        ("/health", .health),
    ])
    func `an endpoint belongs to the resource its path begins with`(path: String, resource: Resource) {
        #expect(endpoint(path).resource == resource)
    }
}
