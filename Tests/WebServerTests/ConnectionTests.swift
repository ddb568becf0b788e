import MatrixCore
import TestSupport
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private var echo: Endpoint {
        .post("/echo", .anyone, bodyLimit: 100_000) { .text(String(decoding: $0.body, as: UTF8.self)) }
    }
    private var hello: Endpoint { .get("/hello/{name}", .anyone) { .text("hello \($0.path("name"))") } }

    @Test func `requests sent ahead are answered in order`() async throws {
        try await withServer([hello]) { server in
            let connection = try await RawConnection(port: server.port)
            let count = 1_000
            let requests = (0..<count).map {
                "GET /\($0 % 3 == 0 ? "nowhere" : "hello")/\($0) HTTP/1.1\r\nHost: x\r\n\r\n"
            }
            try await connection.send(requests.joined())
            for number in 0..<count {
                let answer = await connection.read(to: number % 3 == 0 ? "Unrecognized request\"}" : "hello \(number)")
                #expect(answer.hasPrefix(number % 3 == 0 ? "HTTP/1.1 404 " : "HTTP/1.1 200 "))
            }
            try await connection.close()
        }
    }

    @Test func `a body may come in chunks`() async throws {
        try await withServer([echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await connection.send("2\r\nde\r\n0\r\n\r\n")
            #expect(await connection.read(to: "\r\n\r\nabcde").contains("Content-Length: 5\r\n"))
            try await connection.close()
        }
    }

    @Test func `a client that asks first is told to go on`() async throws {
        try await withServer([echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(await connection.read(to: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await connection.send("abc")
            #expect(await connection.read(to: "\r\n\r\nabc").hasPrefix("HTTP/1.1 200 OK\r\n"))
            try await connection.close()
        }
    }

    @Test func `a client that asks first learns that its body is too large`() async throws {
        try await withServer([echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n")
            #expect(await connection.read(to: "\r\n").hasPrefix("HTTP/1.1 413 "))
            try await connection.close()
        }
    }

    @Test(arguments: [("/echo", 413, "M_TOO_LARGE"), ("/nowhere", 404, "M_UNRECOGNIZED")])
    func `a body too large is read to its end, so that its sender reads the answer`(
        path: String, status: Int, code: String
    ) async throws {
        try await withServer([echo]) { server in
            let body = [UInt8](repeating: 0x61, count: 3_000_000)
            let answer = try await server.client.request("POST", path, body: body)
            #expect(answer.status == status)
            #expect(answer.errorCode == code)
            #expect(answer.header("Connection") == "close")
        }
    }

    @Test func `a body in chunks is refused when it grows too large`() async throws {
        try await withServer([echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "8000\r\n\(String(repeating: "a", count: 0x8000))\r\n"
            for _ in 0..<4 { try await connection.send(chunk) }
            #expect(await connection.read(to: "\r\n").hasPrefix("HTTP/1.1 413 "))
            try await connection.close()
        }
    }

    @Test func `headers too large or malformed are refused`() async throws {
        try await withServer([hello]) { server in
            let long = try await RawConnection(port: server.port)
            try await long.send(
                "GET /hello/x HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n")
            #expect(await long.readToEnd().hasPrefix("HTTP/1.1 431 "))
            let target = try await RawConnection(port: server.port)
            try await target.send("GET /hello/\(String(repeating: "a", count: 200_000))")
            #expect(await target.readToEnd().hasPrefix("HTTP/1.1 431 "))
            let broken = try await RawConnection(port: server.port)
            try await broken.send("BLAH BLAH BLAH\r\n\r\n")
            #expect(await broken.readToEnd().hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `an old client's connection closes, unless it asks otherwise`() async throws {
        try await withServer([hello]) { server in
            let plain = try await RawConnection(port: server.port)
            try await plain.send("GET /hello/a HTTP/1.0\r\n\r\n")
            #expect(await plain.readToEnd().contains("Connection: close\r\n"))
            let kept = try await RawConnection(port: server.port)
            for name in ["a", "b"] {
                try await kept.send("GET /hello/\(name) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(await kept.read(to: "hello \(name)").contains("Connection: keep-alive\r\n"))
            }
            try await kept.close()
        }
    }

    @Test func `an offer of another protocol is answered in HTTP 1`() async throws {
        try await withServer([hello]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "GET /hello/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
            let answer = await connection.readToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(answer.hasSuffix("hello a"))
        }
    }

    @Test func `a handler is cancelled when its client hangs up`() async throws {
        let (started, cancelled) = (Signal(), Signal())
        let poll = Endpoint.get("/poll", .anyone) { _ in
            started.send()
            await Signal().wait()
            cancelled.send()
            return .json([:])
        }
        try await withServer([poll, hello]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
            await started.wait()
            try await connection.close()
            await cancelled.wait()
            #expect(try await server.client.get("/hello/x").status == 200)
        }
    }

    @Test func `a handler is cancelled even if its client sent the next request ahead`() async throws {
        let (started, cancelled) = (Signal(), Signal())
        let poll = Endpoint.get("/poll", .anyone) { _ in
            started.send()
            await Signal().wait()
            cancelled.send()
            return .json([:])
        }
        try await withServer([poll, hello]) { server in
            let connection = try await RawConnection(port: server.port)
            let next = "GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n"
            try await connection.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n" + String(repeating: next, count: 200))
            await started.wait()
            try await connection.close()
            await cancelled.wait()
        }
    }

    @Test(arguments: ["", "GET /hello/x HT", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
    func `a client that keeps us waiting is dropped`(sent: String) async throws {
        try await withServer([hello, echo]) {
            $0.timeouts.firstRequest = .milliseconds(50)
            $0.timeouts.body = .milliseconds(50)
        } _: { server in
            let connection = try await RawConnection(port: server.port)
            // It fails if this test is slow too, and the connection is closed by now.
            try? await connection.send(sent)
            #expect(await connection.readToEnd() == "")
        }
    }

    @Test func `a connection without requests is closed after a while`() async throws {
        try await withServer([hello]) {
            $0.timeouts.idle = .milliseconds(50)
        } _: { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await connection.readToEnd().hasSuffix("hello x"))
        }
    }

    @Test func `a connection too many waits until another closes`() async throws {
        try await withServer([hello]) {
            $0.maximumConnections = 1
            $0.eventLoopThreads = 1
        } _: { server in
            let request = "GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n"
            let first = try await RawConnection(port: server.port)
            try await first.send(request)
            _ = await first.read(to: "hello x")
            let second = try await RawConnection(port: server.port)
            try await second.send(request)
            try await first.send(request)
            _ = await first.read(to: "hello x")
            #expect(server.log.lines.filter { $0.contains("/hello/x") }.count == 2)
            try await first.close()
            #expect(await second.read(to: "hello x").hasPrefix("HTTP/1.1 200"))
            try await second.close()
        }
    }
}
