import MatrixCore
import TestSupport
import Testing

@testable import WebServer

/// Bodies of requests that handlers read while they arrive.
@Suite(.timeLimit(.minutes(1))) struct StreamedBodyTests {
    /// Answers how many bytes came.
    private var count: Endpoint {
        .post("/count", .anyone, bodyLimit: 100_000_000) { call in
            var bytes = 0
            for try await piece in call.bodyStream { bytes += piece.count }
            return .text("\(bytes) bytes")
        }.streamingBody
    }

    @Test func `a handler reads a body while it arrives`() async throws {
        let echo = Endpoint.post("/echo", .anyone) { call in
            .stream(contentType: nil) { writer in
                for try await piece in call.bodyStream { try await writer.write(piece + [0x2E]) }
            }
        }.streamingBody
        try await withServer([echo]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
            #expect(await connection.read(to: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
            try await connection.send("abc")
            #expect(await connection.read(to: "abc.") == "4\r\nabc.")
            try await connection.send("def")
            #expect(await connection.readToEnd() == "\r\n4\r\ndef.\r\n0\r\n\r\n")
        }
    }

    @Test func `connections are kept after streamed bodies, with or without one`() async throws {
        try await withServer([count]) { server in
            let connection = try await RawConnection(port: server.port)
            let request = "POST /count HTTP/1.1\r\nHost: x\r\n"
            try await connection.send(
                "\(request)Content-Length: 3\r\n\r\nabc\(request)Content-Length: 0\r\n\r\n"
                    + "\(request)Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
            for bytes in [3, 0, 5] {
                let answer = await connection.read(to: "\(bytes) bytes")
                #expect(!answer.contains("Connection: close"))
            }
            try await connection.close()
        }
    }

    @Test func `a large body passes through without being gathered`() async throws {
        try await withServer([count]) { server in
            let body = [UInt8](repeating: 0x61, count: 20_000_000)
            let answer = try await server.client.request("POST", "/count", body: body)
            #expect(answer.text == "20000000 bytes")
        }
    }

    @Test func `a client waits while the handler lags`() async throws {
        let (begun, mayRead) = (Signal(), Signal())
        let lagging = Endpoint.post("/lag", .anyone, bodyLimit: 100_000_000) { call in
            var iterator = call.bodyStream.makeAsyncIterator()
            _ = try await iterator.next()
            begun.send()
            await mayRead.wait()
            var bytes = 0
            while let piece = try await iterator.next() { bytes += piece.count }
            return .text("\(bytes > 0)")
        }.streamingBody
        try await withServer([lagging]) { server in
            let connection = try await RawConnection(port: server.port)
            let size = 30_000_000
            try await connection.send("POST /lag HTTP/1.1\r\nHost: x\r\nContent-Length: \(size)\r\n\r\n")
            let isSent = Left(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await connection.send([UInt8](repeating: 0x61, count: size))
                    isSent.change { $0 = true }
                }
                await begun.wait()
                // The other requests of this loop go on, and in the meantime the client cannot get rid of its body.
                for _ in 0..<50 { #expect(try await server.client.get("/health").text == "OK") }
                #expect(isSent.value == false)
                mayRead.send()
                try await group.waitForAll()
            }
            #expect(await connection.read(to: "true").hasPrefix("HTTP/1.1 200 "))
            try await connection.close()
        }
    }

    @Test func `a client that lagged through no fault of its own is not cut off`() async throws {
        let hasBegun = Signal()
        let lagging = Endpoint.post("/lag", .anyone, bodyLimit: 100_000_000) { call in
            var iterator = call.bodyStream.makeAsyncIterator()
            _ = try await iterator.next()
            hasBegun.send()
            try await Task.sleep(for: .milliseconds(400))
            var bytes = 0
            while let piece = try await iterator.next() { bytes += piece.count }
            return .text("all")
        }.streamingBody
        try await withServer(
            [lagging],
            configure: {
                $0.timeouts.body = .milliseconds(150)
                $0.timeouts.minimumRate = 1_000_000_000
            }
        ) { server in
            let body = [UInt8](repeating: 0x61, count: 2_000_000)
            let answer = try await server.client.request("POST", "/lag", body: body)
            #expect(answer.text == "all")
        }
    }

    @Test func `a client that sends too slowly is cut off, and its handler told`() async throws {
        let outcome = Left("")
        let told = Signal()
        let slow = Endpoint.post("/slow", .anyone) { call in
            do {
                _ = try await call.bodyStream.collect(upTo: 100)
            } catch {
                outcome.change { $0 = "\(error is ClientHungUp || error is CancellationError)" }
                told.send()
                throw error
            }
            return .text("")
        }.streamingBody
        try await withServer([slow], configure: { $0.timeouts.body = .milliseconds(100) }) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
            #expect(await connection.readToEnd() == "")
            await told.wait()
            #expect(outcome.value == "true")
        }
    }

    @Test(arguments: [false, true])
    func `a handler whose client hangs up is told, even if it reads nothing`(reads: Bool) async throws {
        let (begun, ended) = (Signal(), Signal())
        let endpoint = Endpoint.post("/wait", .anyone, bodyLimit: 100_000_000) { call in
            begun.send()
            defer { ended.send() }
            if reads {
                for try await _ in call.bodyStream {}
            } else {
                try await Task.sleep(for: .seconds(3_600))
            }
            return .text("")
        }.streamingBody
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
            try await connection.send([UInt8](repeating: 0x61, count: 100_000))
            await begun.wait()
            try await connection.close()
            await ended.wait()
        }
    }

    @Test func `the limit of an endpoint holds for streamed bodies`() async throws {
        let limited = Endpoint.post("/limited", .anyone, bodyLimit: 10) { call in
            .text(String(decoding: try await call.bodyStream.collect(upTo: 100), as: UTF8.self))
        }.streamingBody
        try await withServer([limited]) { server in
            let announced = try await server.client.request("POST", "/limited", body: Array("0123456789a".utf8))
            #expect((announced.status, announced.errorCode) == (413, "M_TOO_LARGE"))
            let connection = try await RawConnection(port: server.port)
            try await connection.send(
                "POST /limited HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n")
            #expect(await connection.read(to: "\r\n").hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `collecting has a limit of its own`() async throws {
        let endpoint = Endpoint.post("/collect", .anyone) { call in
            .text(String(decoding: try await call.bodyStream.collect(upTo: 3), as: UTF8.self))
        }.streamingBody
        try await withServer([endpoint]) { server in
            let short = try await server.client.request("POST", "/collect", body: Array("abc".utf8))
            #expect(short.text == "abc")
            let long = try await server.client.request("POST", "/collect", body: Array("abcd".utf8))
            #expect(long.status == 413)
        }
    }

    @Test func `a client that asks first is told to go on when the handler reads`() async throws {
        let refusing = Endpoint.post("/refuse", .anyone) { _ in throw MatrixError.forbidden("no") }.streamingBody
        try await withServer([count, refusing]) { server in
            let head = "HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            let welcome = try await RawConnection(port: server.port)
            try await welcome.send("POST /count \(head)")
            #expect(await welcome.read(to: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await welcome.send("abc")
            #expect(await welcome.read(to: "3 bytes").hasPrefix("HTTP/1.1 200 OK\r\n"))
            let refused = try await RawConnection(port: server.port)
            try await refused.send("POST /refuse \(head)")
            #expect(await refused.read(to: "\r\n\r\n").hasPrefix("HTTP/1.1 403 "))
            for connection in [welcome, refused] { try await connection.close() }
        }
    }

    @Test func `an endpoint that gets its body whole can be asked for it as a stream`() async throws {
        let endpoint = Endpoint.post("/whole", .anyone) { call in
            .text(String(decoding: try await call.bodyStream.collect(upTo: 10), as: UTF8.self))
        }
        try await withServer([endpoint]) { server in
            let answer = try await server.client.request("POST", "/whole", body: Array("abc".utf8))
            #expect(answer.text == "abc")
            let empty = try await server.client.request("POST", "/whole")
            #expect(empty.text == "")
        }
    }
}
