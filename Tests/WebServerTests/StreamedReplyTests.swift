import Logging
import MatrixCore
import TestSupport
import Testing

@testable import WebServer

/// Answers that are sent while they are written.
@Suite(.timeLimit(.minutes(1))) struct StreamedReplyTests {
    private struct Broken: Error {}

    private func letters(_ headers: [HeaderField] = [], status: Int = 200) -> Endpoint {
        .get("/letters", .anyone) { _ in
            .stream(status: status, contentType: "text/plain", headers: headers) { writer in
                for letter in ["a", "bc", "", "d"] { try await writer.write(Array(letter.utf8)) }
            }
        }
    }

    @Test func `an answer of unknown length comes in chunks, and the connection is kept`() async throws {
        try await withServer([letters()]) { server in
            let connection = try await RawConnection(port: server.port)
            for _ in 0..<2 {
                try await connection.send("GET /letters HTTP/1.1\r\nHost: x\r\n\r\n")
                let head = await connection.read(to: "\r\n\r\n")
                #expect(head.contains("Transfer-Encoding: chunked\r\n"))
                #expect(head.contains("Access-Control-Allow-Origin: *\r\n"))
                #expect(head.contains("Content-Type: text/plain\r\n"))
                #expect(!head.contains("Content-Length"))
                #expect(await connection.read(to: "0\r\n\r\n") == "1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n")
            }
            try await connection.close()
        }
    }

    @Test func `an answer of known length comes as it is`() async throws {
        try await withServer([letters([HeaderField("Content-Length", "4")])]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /letters HTTP/1.1\r\nHost: x\r\n\r\n")
            let head = await connection.read(to: "\r\n\r\n")
            #expect(head.contains("Content-Length: 4\r\n"))
            #expect(!head.contains("chunked"))
            #expect(await connection.read(to: "abcd") == "abcd")
            try await connection.send("GET /letters HTTP/1.0\r\n\r\n")
            #expect(await connection.readToEnd().hasSuffix("Connection: close\r\nContent-Length: 4\r\n\r\nabcd"))
        }
    }

    @Test func `an old client learns from the connection where an answer ends`() async throws {
        try await withServer([letters()]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /letters HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = await connection.readToEnd()
            #expect(answer.contains("Connection: close\r\n"))
            #expect(!answer.contains("chunked"))
            #expect(answer.hasSuffix("\r\n\r\nabcd"))
            #expect(!connection.isReset)
        }
    }

    @Test(arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func `where no body may be, the first write throws and all is well`(method: String, status: Int) async throws {
        let failure = Left<(any Error)?>(nil)
        let endpoint = Endpoint.get("/x", .anyone) { _ in
            .stream(status: status, contentType: nil, headers: [HeaderField("Content-Length", "7")]) { writer in
                do {
                    try await writer.write([1])
                } catch {
                    failure.change { $0 = error }
                    throw error
                }
            }
        }
        try await withServer([endpoint]) { server in
            let answer = try await server.client.request(method, "/x")
            #expect((answer.status, answer.body) == (status, []))
            #expect(answer.header("Content-Length") == (method == "HEAD" ? "7" : nil))
            #expect(answer.header("Connection") == nil)
            #expect(failure.value is BodyNotWanted)
            #expect(server.log.entries.allSatisfy { $0.level == .info })
        }
    }

    @Test(arguments: [nil, "3", "9"])
    func `an answer that fails midway is broken off and reported`(length: String?) async throws {
        let endpoint = Endpoint.get("/broken", .anyone) { _ in
            .stream(
                contentType: nil, headers: length.map { [HeaderField("Content-Length", $0)] } ?? []
            ) { writer in
                try await writer.write(Array("ab".utf8))
                // Too few, too many, or none of them.
                if length == "3" { try await writer.write(Array("cd".utf8)) }
                if length == nil { throw Broken() }
            }
        }
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await connection.readToEnd().hasSuffix(length == nil ? "2\r\nab\r\n" : "\r\n\r\nab"))
            try await server.log.wait(for: { $0.level == .error })
            let errors = server.log.entries.filter { $0.level == .error }
            #expect(errors.count == 1)
            #expect(errors.first?.requestID == "GET-1")
            #expect(errors.first?.message.contains("Broke off") == true)
        }
    }

    @Test func `an old client sees that an answer was broken off`() async throws {
        let mayBreak = Signal()
        let endpoint = Endpoint.get("/broken", .anyone) { _ in
            .stream(contentType: nil) { writer in
                try await writer.write(Array("ab".utf8))
                await mayBreak.wait()
                throw Broken()
            }
        }
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /broken HTTP/1.0\r\n\r\n")
            _ = await connection.read(to: "\r\n\r\nab")
            mayBreak.send()
            _ = await connection.readToEnd()
            #expect(connection.isReset)
        }
    }

    @Test func `a stream waits for a client that reads slowly`() async throws {
        let written = Left(0)
        let (stuck, total) = (Signal(), 50_000_000)
        let endpoint = Endpoint.get("/large", .anyone) { _ in
            .stream(contentType: nil, headers: [HeaderField("Content-Length", "\(total)")]) { writer in
                let piece = [UInt8](repeating: 0x61, count: 100_000)
                for number in 0..<(total / piece.count) {
                    try await writer.write(piece)
                    written.change { $0 += piece.count }
                    if number == 0 { stuck.send() }
                }
            }
        }
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.setReading(false)
            try await connection.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await stuck.wait()
            for _ in 0..<50 { #expect(try await server.client.get("/health").text == "OK") }
            #expect(written.value < total)
            try await connection.setReading(true)
            _ = await connection.read(to: "\r\n\r\n")
            #expect(await connection.skip(total) == total)
            try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await connection.read(to: "\r\n\r\nOK").hasPrefix("HTTP/1.1 200 "))
            try await connection.close()
        }
    }

    @Test func `a client that does not read is cut off`() async throws {
        let failure = Left<(any Error)?>(nil)
        let ended = Signal()
        let endpoint = Endpoint.get("/endless", .anyone) { _ in
            .stream(contentType: nil) { writer in
                defer { ended.send() }
                do {
                    while true { try await writer.write([UInt8](repeating: 0x61, count: 100_000)) }
                } catch {
                    failure.change { $0 = error }
                    throw error
                }
            }
        }
        try await withServer(
            [endpoint],
            configure: {
                $0.timeouts.idle = .milliseconds(100)
                $0.timeouts.minimumRate = 1_000_000_000
            }
        ) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.setReading(false)
            try await connection.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            await ended.wait()
            let error = failure.value
            #expect(error is ClientHungUp || error is CancellationError)
            // Nobody is to blame but the client.
            try await server.log.wait(for: { $0.message.contains("hung up") })
            #expect(server.log.entries.allSatisfy { $0.level != .error })
        }
    }

    @Test func `a stream whose client hangs up is cancelled`() async throws {
        let ended = Signal()
        let endpoint = Endpoint.get("/wait", .anyone) { _ in
            .stream(contentType: nil) { writer in
                defer { ended.send() }
                try await writer.write(Array("a".utf8))
                try await Task.sleep(for: .seconds(3_600))
            }
        }
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await connection.read(to: "1\r\na\r\n")
            try await connection.close()
            await ended.wait()
        }
    }

    @Test func `a stream runs even if its client is gone before it begins`() async throws {
        let (begun, ended) = (Signal(), Signal())
        let failure = Left<(any Error)?>(nil)
        let endpoint = Endpoint.get("/late", .anyone) { _ in
            begun.send()
            try? await Task.sleep(for: .seconds(3_600))
            return .stream(contentType: nil) { writer in
                defer { ended.send() }
                do { try await writer.write([1]) } catch { failure.change { $0 = error } }
            }
        }
        try await withServer([endpoint]) { server in
            let connection = try await RawConnection(port: server.port)
            try await connection.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
            await begun.wait()
            try await connection.close()
            await ended.wait()
            let error = failure.value
            #expect(error is ClientHungUp || error is CancellationError)
        }
    }

    @Test func `requests sent ahead wait for the end of a stream`() async throws {
        try await withServer([letters()]) { server in
            let connection = try await RawConnection(port: server.port)
            let request = "GET /letters HTTP/1.1\r\nHost: x\r\n\r\n"
            try await connection.send(request + request + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            for _ in 0..<2 { #expect(await connection.read(to: "0\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n")) }
            #expect(await connection.read(to: "\r\n\r\nOK").hasPrefix("HTTP/1.1 200 OK\r\n"))
            try await connection.close()
        }
    }

    @Test func `a stream may be written from any thread, and its bytes are in the log`() async throws {
        let endpoint = Endpoint.get("/elsewhere", .anyone) { _ in
            .stream(contentType: nil) { writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask(executorPreference: globalConcurrentExecutor) {
                        for _ in 0..<100 { try await writer.write([UInt8](repeating: 0x61, count: 1_000)) }
                    }
                    try await group.waitForAll()
                }
            }
        }
        try await withServer([endpoint]) { server in
            let answer = try await server.client.get("/elsewhere")
            #expect(answer.body.count == 100_000)
            try await server.log.wait(for: { $0.message.contains("100000B 200") })
        }
    }
}
