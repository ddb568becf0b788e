import Logging
import MatrixCore
import ModuleAPI
import Outbound
import ServerMetrics
import TestSupport
import Testing
import WebServer

@testable import App

/// Modules' web resources over HTTP, and their own requests, to each other.
@Suite(.timeLimit(.minutes(1))) struct ModuleWebTests {
    private func withServer(
        _ resources: [WebResource], _ body: @Sendable (TestSupport.HTTPClient, _ base: String) async throws -> Void
    ) async throws {
        let (ready, announce) = AsyncStream<[BoundListener]>.makeStream()
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = try WebServer(
            listeners: [Listener(place: .port(0, addresses: ["127.0.0.1"]), resources: [.client])], endpoints: [],
            mounts: resources.map { Mount($0) }, authenticator: Nobody(),
            configuration: WebServer.Configuration(version: "1"), metrics: MetricsRegistry(), logger: silent,
            onReady: { announce.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = await ready.first { _ in true }?.first?.port ?? 0
            try await body(TestSupport.HTTPClient(port: port), "http://127.0.0.1:\(port)")
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private struct Nobody: Authenticator {
        func requester(forToken token: String, address: String, userAgent: String?) async throws -> Requester {
            throw MatrixError.forbidden("nobody")
        }
    }

    private func withClient(_ body: (any ModuleAPI.HTTPClient) async throws -> Void) async throws {
        let client = OutboundClient(.init(userAgent: "Axolemma/1"))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(ModuleHTTPClient(client: client)))
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        try result.get()
    }

    @Test func `a module sees a request, and its answer has the headers it gave`() async throws {
        let resource = WebResource("/demo") { request in
            let body = String(decoding: try await request.body.collect(upTo: 100), as: UTF8.self)
            let text =
                "\(request.method) \(request.uri) \(request.path) \(request.query) \(request.headers["x-a"] ?? "")"
            return WebResponse(
                status: 201, reason: "Made", headers: ["X-B": "1", "x-b": "2"], body: .bytes(Array((text + body).utf8)))
        }
        try await withServer([resource]) { client, _ in
            let answer = try await client.request(
                "PATCH", "/demo/x?y=z", headers: [("X-A", "a")], body: Array("body".utf8))
            #expect(answer.status == 201)
            #expect(answer.text == "PATCH /demo/x?y=z /demo/x y=z abody")
            #expect(answer.headers.filter { $0.name.lowercased() == "x-b" }.map(\.value) == ["1", "2"])
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
        }
    }

    @Test func `a module streams its answer`() async throws {
        let resource = WebResource("/demo", .exactPath) { _ in
            WebResponse(body: .stream { writer in for text in ["a", "b", "c"] { try await writer.write(text) } })
        }
        try await withServer([resource]) { client, _ in
            let answer = try await client.get("/demo")
            #expect(answer.text == "abc")
            #expect(answer.header("Transfer-Encoding") == "chunked")
            let below = try await client.get("/demo/x")
            #expect(below.status == 404)
        }
    }

    @Test func `errors of a module and its impossible answers are told as others are`() async throws {
        let resources = [
            WebResource("/denied") { _ in throw MatrixError.forbidden("no") },
            WebResource("/odd") { _ in WebResponse(status: 101) },
            WebResource("/json") { .json(["got": .object(try await $0.json(upTo: 20))]) },
            WebResource("/method") { _ in .methodNotAllowed(["GET"]) },
        ]
        try await withServer(resources) { client, _ in
            let denied = try await client.get("/denied")
            #expect((denied.status, denied.errorCode) == (403, "M_FORBIDDEN"))
            let odd = try await client.get("/odd")
            #expect((odd.status, odd.errorCode) == (500, "M_UNKNOWN"))
            let good = try await client.post("/json", ["a": 1])
            #expect(good.text == #"{"got":{"a":1}}"#)
            #expect(good.header("Access-Control-Allow-Origin") == "*")
            for (body, code) in [
                ("[]", "M_BAD_JSON"), ("{", "M_NOT_JSON"), ("{\"a\":\"0123456789abcdef\"}", "M_TOO_LARGE"),
            ] {
                let bad = try await client.request("POST", "/json", body: Array(body.utf8))
                #expect(bad.errorCode == code)
            }
            let method = try await client.get("/method")
            #expect((method.status, method.header("Allow")) == (405, "GET"))
        }
    }

    @Test func `a module asks other servers`() async throws {
        let echo = WebResource("/echo") { request in
            let form = request.headers["Content-Type"] == "application/x-www-form-urlencoded"
            if form {
                return .json(["form": .array(try await request.form().map { .string("\($0.name)=\($0.value)") })])
            }
            if request.method == "GET" {
                return .json([
                    "query": .array(request.queryValues("q").map { .string($0) }),
                    "agent": .string(request.headers["User-Agent"] ?? ""),
                ])
            }
            return .json(["method": .string(request.method), "json": .object(try await request.json())])
        }
        let missing = WebResource("/missing") { _ in throw MatrixError.notFound("gone") }
        try await withServer([echo, missing]) { _, base in
            try await withClient { http in
                let got = try await http.getJSON("\(base)/echo", query: [("q", "a b&c"), ("q", "é+")])
                #expect(got == ["query": ["a b&c", "é+"], "agent": "Axolemma/1"])
                let posted = try await http.postJSON("\(base)/echo", ["a": 1])
                #expect(posted == ["method": "POST", "json": ["a": 1]])
                let put = try await http.putJSON("\(base)/echo", ["b": 2])
                #expect(put == ["method": "PUT", "json": ["b": 2]])
                let form = try await http.postForm("\(base)/echo", [("a", "1 2"), ("b", "&=é")])
                #expect(form == ["form": ["a=1 2", "b=&=é"]])
                let error = await #expect(throws: HTTPStatusError.self) { try await http.getJSON("\(base)/missing") }
                #expect(error?.status == 404)
                #expect(error?.matrixError == .notFound("gone"))
                await #expect(throws: HTTPClientError.self) { try await http.get("nonsense") }
                await #expect(throws: HTTPClientError.tooLarge) {
                    try await http.send(ModuleAPI.HTTPRequest(url: "\(base)/echo", responseLimit: 3))
                }
            }
        }
    }

    @Test func `a request's parts are decoded`() {
        let request = WebRequest(
            uri: "/a%2Fb/c%20d/?x=1&y&x=%C3%A9+%zz", headers: ["authorization": "Bearer secret", "X": "1"])
        #expect(request.path == "/a%2Fb/c%20d/")
        #expect(request.segments == ["a/b", "c d", ""])
        #expect(request.queryValues("x") == ["1", "é %zz"])
        #expect(request.query("y") == "")
        #expect(request.query("z") == nil)
        #expect(request.accessToken == "secret")
        #expect(WebRequest(uri: "/?access_token=t").accessToken == "t")
        #expect(WebRequest(uri: "/").accessToken == nil)
    }

    @Test func `headers are a list without regard to case`() {
        var headers: HTTPHeaders = ["Set-Cookie": "a"]
        headers.add("set-cookie", "b")
        #expect(headers["SET-COOKIE"] == "a")
        #expect(headers.values(of: "Set-cookie") == ["a", "b"])
        headers["set-Cookie"] = "c"
        #expect(headers.fields == [.init("set-Cookie", "c")])
        headers["Set-Cookie"] = nil
        #expect(headers.fields == [])
    }
}
