import Logging
import MatrixCore
import ServerMetrics
import TestSupport
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct MountTests {
    private func mount(_ path: String, _ extent: Mount.Extent = .subtree) -> Mount {
        Mount(path, extent) { call in
            var reply = Reply.text("\(path) \(call.method) \(call.target)")
            reply.added = .verbatim
            return reply
        }
    }

    private func answers(_ mounts: [Mount], _ endpoints: [Endpoint] = [], to path: String) async throws -> String {
        try await withServer(endpoints, mounts: mounts) { try await $0.client.get(path).text }
    }

    private static let unrecognized = #"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#

    @Test(arguments: ["GET", "POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
    func `a mount answers every method, at its path and below`(method: String) async throws {
        try await withServer([], mounts: [mount("/_synapse/client/demo")]) { server in
            for path in ["/_synapse/client/demo", "/_synapse/client/demo/a%2Fb?c=d", "/_synapse/client/dem%6F/"] {
                let answer = try await server.client.request(method, path, body: method == "GET" ? [] : [1])
                #expect(answer.text == "/_synapse/client/demo \(method) \(path)")
            }
            for path in ["/_synapse/client/demos", "/_synapse/client", "/_synapse/client/dem"] {
                #expect(try await server.client.request(method, path).text == Self.unrecognized)
            }
        }
    }

    @Test func `the mount with most segments gets a request`() async throws {
        let mounts = [mount("/a"), mount("/a/b/c"), mount("/a/b", .exactPath)]
        for (path, owner) in [
            ("/a", "/a"), ("/a/", "/a"), ("/a/b", "/a/b"), ("/a/b/x", "/a"), ("/a/b/c", "/a/b/c"),
            ("/a/b/c/d", "/a/b/c"),
        ] {
            #expect(try await answers(mounts, to: path) == "\(owner) GET \(path)")
        }
    }

    @Test func `a mount takes the place of an endpoint at its very path, whatever the method`() async throws {
        let endpoint = Endpoint.get("/_synapse/client/x", .anyone) { _ in .text("built in") }
        try await withServer([endpoint], mounts: [mount("/_synapse/client/x"), mount("/health")]) { server in
            let answer = try await server.client.get("/_synapse/client/x")
            #expect(answer.text == "/_synapse/client/x GET /_synapse/client/x")
            #expect(try await server.client.request("POST", "/health").text == "/health POST /health")
        }
    }

    @Test func `endpoints come before the mounts above them`() async throws {
        let endpoint = Endpoint.get("/_synapse/client/x", .anyone) { _ in .text("built in") }
        try await withServer([endpoint], mounts: [mount("/_synapse")]) { server in
            let answer = try await server.client.get("/_synapse/client/x")
            #expect(answer.text == "built in")
            #expect(try await server.client.request("POST", "/_synapse/client/x").status == 405)
            #expect(try await server.client.get("/_synapse/client/y").text == "/_synapse GET /_synapse/client/y")
            #expect(try await server.client.get("/_synapse/admin/y").text == Self.unrecognized)
        }
    }

    @Test(arguments: [
        "/_matrix/client/x", "/_matrix/client/v3/sync", "/_matrix/media/v3/x", "/_synapse/admin/x", "/_matrix/key/v2",
        "/_matrix/federation/v1/x", "/_axolemma/x",
    ])
    func `below what the server answers itself, a mount is not reached`(path: String) async throws {
        let sync = Endpoint.get("/_matrix/client/v3/sync", .anyone) { _ in .text("built in") }
        try await withServer([sync], mounts: [mount(path), mount("/_matrix")]) { server in
            let isSync = path.hasSuffix("/sync")
            let answer = try await server.client.get(path)
            #expect(answer.text == (isSync ? "built in" : Self.unrecognized))
            #expect(server.log.entries.contains { $0.level == .warning && $0.message.contains(path) })
        }
    }

    @Test func `a mount at such a place replaces it as a whole`() async throws {
        let sync = Endpoint.get("/_matrix/client/v3/sync", .anyone) { _ in .text("built in") }
        let text = try await answers([mount("/_matrix/client")], [sync], to: "/_matrix/client/v3/sync")
        #expect(text == "/_matrix/client GET /_matrix/client/v3/sync")
    }

    @Test func `the first of two mounts at one path is served`() async throws {
        let mounts = [mount("/a"), Mount("/%61") { _ in .text("second") }]
        try await withServer([], mounts: mounts) { server in
            let answer = try await server.client.get("/a")
            #expect(answer.text == "/a GET /a")
            #expect(server.log.entries.contains { $0.level == .warning && $0.message.contains("/%61") })
        }
    }

    @Test func `every listener serves mounts`() async throws {
        let listeners: [Listener] = [.free(), .free(resources: [.metrics]), .free(resources: [])]
        try await withServer([], mounts: [mount("/a")], listeners: listeners) { server in
            for place in server.bound {
                let answer = try await HTTPClient(port: place.port ?? 0).get("/a")
                #expect(answer.text == "/a GET /a")
            }
        }
    }

    @Test func `a browser's question about a mount is answered for it`() async throws {
        try await withServer([], mounts: [mount("/a")]) { server in
            let answer = try await server.client.request("OPTIONS", "/a")
            #expect((answer.status, answer.body) == (204, []))
            #expect(answer.header("Access-Control-Allow-Origin") == "*")
        }
    }

    @Test func `verbatim answers have no headers but their own, Server, Date and the length`() async throws {
        let mount = Mount("/a") { _ in
            var reply = Reply(
                status: 418,
                headers: [
                    HeaderField("X-One", "1"), HeaderField("X-One", "2"), HeaderField("Server", "Twisted"),
                    HeaderField("date", "never"), HeaderField("Content-Length", "99"), HeaderField("Bad\r\nName", "x"),
                    HeaderField("Transfer-Encoding", "chunked"), HeaderField("Connection", "close"),
                    HeaderField("Content-Type", "text/x"),
                ], body: Array("hello".utf8))
            reply.added = .verbatim
            reply.reason = "Short\r\nand stout"
            return reply
        }
        try await withServer([], mounts: [mount]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            let lines = await connection.read(to: "\r\n\r\nhello").split(separator: "\r\n").map(String.init)
            #expect(lines.first == "HTTP/1.1 418 Shortand stout")
            #expect(
                lines.filter { !$0.hasPrefix("Date: ") }.dropFirst() == [
                    "Server: Axolemma/1.2.3", "X-One: 1", "X-One: 2", "Content-Type: text/x", "Content-Length: 5",
                    "hello",
                ])
            #expect(lines.filter { $0.lowercased().hasPrefix("date") }.count == 1)
            try await connection.close()
        }
    }

    @Test func `a mount sees the request as it was sent, and reads its body as it comes`() async throws {
        let mount = Mount("/m") { call in
            let body = try await call.bodyStream.collect(upTo: 1_000)
            let headers = call.headers.filter { $0.name.hasPrefix("X-") }.map { "\($0.name)=\($0.value)" }
            return .json([
                "path": .string(call.rawPath), "query": .string(call.rawQuery), "version": .string(call.httpVersion),
                "secure": .bool(call.isSecure), "address": .string(call.clientAddress), "id": .string(call.requestID),
                "headers": .array(headers.map { .string($0) }), "body": .string(String(decoding: body, as: UTF8.self)),
            ])
        }
        let listener = Listener.free(trustsForwardedFor: true, requestIDHeader: "Request-Id")
        try await withServer([], mounts: [mount], listeners: [listener]) { server in
            let answer = try await server.client.request(
                "PUT", "/m/%C3%A9/?a=b+c&a",
                headers: [
                    ("X-A", "1"), ("x-b", "2"), ("X-A", "3"), ("X-Forwarded-For", "1.2.3.4, 5.6.7.8"),
                    ("X-Forwarded-Proto", "HTTPS"), ("Request-Id", "seven"),
                ], body: Array("text".utf8))
            #expect(
                answer.json == [
                    "path": "/m/%C3%A9/", "query": "a=b+c&a", "version": "1.1", "secure": true, "address": "1.2.3.4",
                    "id": "seven", "body": "text",
                    "headers": [
                        "X-A=1", "X-A=3", "X-Forwarded-For=1.2.3.4, 5.6.7.8", "X-Forwarded-Proto=HTTPS",
                    ],
                ])
        }
    }

    @Test func `the error of a mount is an error like any other`() async throws {
        let mount = Mount("/m", bodyLimit: 3) { call in
            _ = try await call.bodyStream.collect(upTo: 10)
            throw MatrixError.forbidden("no")
        }
        try await withServer([], mounts: [mount]) { server in
            let answer = try await server.client.get("/m")
            #expect((answer.status, answer.errorCode) == (403, "M_FORBIDDEN"))
            #expect(try await server.client.request("POST", "/m", body: [1, 2, 3, 4]).status == 413)
            let page = String(decoding: server.metrics.page(), as: UTF8.self)
            #expect(page.contains(#"endpoint="/m""#))
        }
    }
}
