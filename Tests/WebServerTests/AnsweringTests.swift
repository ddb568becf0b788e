import Logging
import MatrixCore
import TestSupport
import Testing

@testable import WebServer

@Suite struct AnsweringTests {
    private var hello: Endpoint {
        .get("/_matrix/client/v3/hello", .anyone, aliases: ["r0"]) { _ in .json(["a": 1]) }
    }

    @Test func `an answer carries the headers browsers and caches need`() async throws {
        try await withServer([hello]) { server in
            let answer = try await server.client.get("/_matrix/client/r0/hello")
            #expect(answer.status == 200)
            #expect(answer.text == #"{"a":1}"#)
            #expect(answer.header("Content-Type") == "application/json")
            #expect(answer.header("Cache-Control") == "no-cache, no-store, must-revalidate")
            #expect(answer.header("Access-Control-Allow-Origin") == "*")
            #expect(answer.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, PUT, DELETE, OPTIONS")
            #expect(
                answer.header("Access-Control-Allow-Headers") == "X-Requested-With, Content-Type, Authorization, Date")
            #expect(answer.header("Access-Control-Expose-Headers") == "Synapse-Trace-Id, Server")
            #expect(answer.header("Server") == "Axolemma/1.2.3")
            #expect(answer.header("Date")?.hasSuffix(" GMT") == true)
            #expect(answer.header("Content-Length") == "7")
        }
    }

    @Test func `HEAD is answered as GET is, without the body`() async throws {
        try await withServer([hello]) { server in
            let answer = try await server.client.request("HEAD", "/_matrix/client/v3/hello")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Length") == "7")
            #expect(answer.body.isEmpty)
            #expect(try await server.client.get("/_matrix/client/v3/hello").text == #"{"a":1}"#)
        }
    }

    @Test func `an unknown path is not found`() async throws {
        try await withServer([hello]) { server in
            for path in ["/_matrix/client/v3/goodbye", "/_matrix/client/v3/hello/", "/", "//"] {
                let answer = try await server.client.get(path)
                #expect(answer.status == 404)
                #expect(answer.text == #"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#)
                #expect(answer.header("Access-Control-Allow-Origin") == "*")
            }
        }
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH"])
    func `a known path with another method is told from an unknown one`(method: String) async throws {
        try await withServer([hello]) { server in
            let answer = try await server.client.request(method, "/_matrix/client/v3/hello", body: [1, 2])
            #expect(answer.status == 405)
            #expect(answer.errorCode == "M_UNRECOGNIZED")
            #expect(answer.header("Allow") == "GET, HEAD, OPTIONS")
        }
    }

    @Test func `a browser may ask about any path`() async throws {
        try await withServer([hello]) { server in
            for path in ["/_matrix/client/v3/hello", "/nowhere"] {
                let answer = try await server.client.request("OPTIONS", path)
                #expect(answer.status == 204)
                #expect(answer.body.isEmpty)
                #expect(answer.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, PUT, DELETE, OPTIONS")
                #expect(answer.header("Content-Length") == nil)
            }
        }
    }

    @Test func `a handler sees path, query, headers and body as the client meant them`() async throws {
        let endpoint = Endpoint.put("/r/{roomId}/{key}", .anyone, aliases: ["/r/{roomId}"]) { call in
            .json([
                "room": .string(try call.roomID().string), "key": .string(call.path("key")),
                "query": .array(call.queryAll("q").map { .string($0) }), "dir": .string(call.query("dir") ?? "none"),
                "limit": .integer(try call.queryInteger("limit") ?? -1),
                "full": .bool(try call.queryBool("full") ?? false),
                "header": .string(call.header("x-thing") ?? "none"), "agent": .string(call.userAgent ?? "none"),
                "body": .object(try call.object()), "id": .string(call.requestID),
                "address": .string(call.clientAddress),
            ])
        }
        try await withServer([endpoint]) { server in
            let answer = try await server.client.request(
                "PUT", "/r/!a%2Fb:x.org/%25%20caf%C3%A9?q=1&dir=b+c&q=%26&limit=7&full=true",
                headers: [("X-Thing", "t"), ("User-Agent", "test")], body: Array(#"{"k":[1]}"#.utf8))
            #expect(
                answer.json == [
                    "room": "!a/b:x.org", "key": "% café", "query": ["1", "&"], "dir": "b c", "limit": 7, "full": true,
                    "header": "t", "agent": "test", "body": ["k": [1]], "id": "PUT-1", "address": "127.0.0.1",
                ])
            let short = try await server.client.put("/r/!a:x.org", [:])
            #expect(short.json.string("key") == "")
        }
    }

    @Test func `a parameter of the wrong kind is named`() async throws {
        let endpoints: [Endpoint] = [
            .get("/room/{roomId}", .anyone) { .json(["id": .string(try $0.roomID().string)]) },
            .get("/user/{userId}", .anyone) { .json(["id": .string(try $0.userID().string)]) },
            .get("/event/{eventId}", .anyone) { .json(["id": .string(try $0.eventID().string)]) },
            .get("/alias/{roomAlias}", .anyone) { .json(["id": .string(try $0.alias().string)]) },
            .get("/number", .anyone) { .json(["id": .integer(try $0.queryInteger("n") ?? 0)]) },
            .get("/flag", .anyone) { .json(["id": .bool(try $0.queryBool("n") ?? false)]) },
        ]
        try await withServer(endpoints) { server in
            for path in ["/room/x", "/user/x", "/event/x", "/alias/x", "/number?n=x", "/flag?n=x"] {
                let answer = try await server.client.get(path)
                #expect(answer.status == 400)
                #expect(answer.errorCode == "M_INVALID_PARAM")
            }
        }
    }

    @Test func `a body that is no JSON object is refused`() async throws {
        let endpoints: [Endpoint] = [
            .post("/strict", .anyone) { .json(try $0.object()) },
            .post("/lenient", .anyone) { .json(try $0.object(allowEmpty: true)) },
        ]
        try await withServer(endpoints) { server in
            let broken = try await server.client.request("POST", "/strict", body: Array("{".utf8))
            #expect((broken.status, broken.text) == (400, #"{"errcode":"M_NOT_JSON","error":"Content not JSON."}"#))
            let array = try await server.client.request("POST", "/strict", body: Array("[]".utf8))
            #expect(
                (array.status, array.text)
                    == (400, #"{"errcode":"M_BAD_JSON","error":"Content must be a JSON object."}"#))
            #expect(try await server.client.request("POST", "/strict").errorCode == "M_NOT_JSON")
            #expect(try await server.client.request("POST", "/lenient").text == "{}")
        }
    }

    @Test func `an error is answered with its status, fields and headers`() async throws {
        let error = MatrixError(
            status: 429, code: .limitExceeded, message: "Too Many Requests", fields: ["retry_after_ms": 1],
            headers: [HeaderField("Retry-After", "1")])
        try await withServer([.get("/error", .anyone) { _ in throw error }]) { server in
            let answer = try await server.client.get("/error")
            #expect(answer.status == 429)
            #expect(answer.json == ["errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 1])
            #expect(answer.header("Retry-After") == "1")
        }
    }

    @Test func `an unexpected error is logged once and shows the client nothing`() async throws {
        struct Secret: Error { let password = "hunter2" }
        try await withServer([.get("/error", .anyone) { _ in throw Secret() }]) { server in
            let answer = try await server.client.get("/error?access_token=t")
            #expect(answer.status == 500)
            #expect(answer.text == #"{"errcode":"M_UNKNOWN","error":"Internal server error"}"#)
            let errors = server.log.entries.filter { $0.level == .error }
            #expect(errors.map(\.requestID) == ["GET-1"])
            #expect(errors.first?.message.contains("hunter2") == true)
            #expect(errors.first?.message.contains("access_token=t") == false)
        }
    }

    @Test func `a handler may replace a standing header and cannot break out of one`() async throws {
        let endpoint = Endpoint.get("/x", .anyone) { _ in
            Reply(
                status: 200, contentType: "text/plain",
                headers: [HeaderField("cache-control", "private"), HeaderField("X-A", "1\r\nX-B: 2")])
        }
        try await withServer([endpoint]) { server in
            let answer = try await server.client.get("/x")
            #expect(answer.headers.filter { $0.name.lowercased() == "cache-control" }.map(\.value) == ["private"])
            #expect(answer.header("X-A") == "1X-B: 2")
            #expect(answer.header("X-B") == nil)
        }
    }

    @Test func `pages, texts and redirections say what they are`() async throws {
        let endpoints: [Endpoint] = [
            .get("/page", .anyone) { _ in .html("<p>", status: 403) }, .get("/text", .anyone) { _ in .text("t") },
            .get("/away", .anyone) { _ in .redirect(to: "https://example.org/") },
        ]
        try await withServer(endpoints) { server in
            let page = try await server.client.get("/page")
            #expect(page.status == 403)
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            #expect(page.header("X-Frame-Options") == "DENY")
            #expect(try await server.client.get("/text").header("Content-Type") == "text/plain; charset=utf-8")
            let away = try await server.client.get("/away")
            #expect((away.status, away.header("Location")) == (302, "https://example.org/"))
        }
    }
}
