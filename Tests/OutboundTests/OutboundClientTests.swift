import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(1))) struct OutboundClientTests {
    private func get(_ client: OutboundClient, _ url: String, limit: Int = 1_000_000) async throws -> OutboundResponse {
        try await client.send(OutboundRequest(url: url, responseLimit: limit))
    }

    @Test func `a request arrives as it was made, and the answer comes back`() async throws {
        try await withServer { client, base in
            let response = try await client.send(
                OutboundRequest(
                    method: "PUT", url: "\(base)/echo?a=%20b", headers: [("X-A", "1"), ("X-A", "2")],
                    body: Array("hello".utf8), responseLimit: 1_000))
            #expect(response.status == 200)
            #expect(response.url == "\(base)/echo?a=%20b")
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(text.hasPrefix("PUT /echo?a=%20b\n"))
            #expect(text.contains("X-A: 1\nX-A: 2\n"))
            #expect(text.contains("User-Agent: Axolemma/1.2.3\n"))
            #expect(text.hasSuffix("\n\nhello"))
        }
    }

    @Test func `an error is an answer too`() async throws {
        try await withServer { client, base in
            let response = try await get(client, "\(base)/status/418")
            #expect(response.status == 418)
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `what asks for a page is redirected`(status: Int) async throws {
        try await withServer { client, base in
            let response = try await get(client, "\(base)/redirect/\(status)")
            #expect(response.url == "\(base)/echo?redirected")
            #expect(String(decoding: response.body, as: UTF8.self).hasPrefix("GET /echo?redirected\n"))
            let head = try await client.send(
                OutboundRequest(method: "HEAD", url: "\(base)/redirect/\(status)", responseLimit: 10))
            #expect(head.url == "\(base)/echo?redirected")
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `what sends something is redirected by 303 alone, and asks then`(status: Int) async throws {
        try await withServer { client, base in
            let response = try await client.send(
                OutboundRequest(
                    method: "POST", url: "\(base)/redirect/\(status)", headers: [("Content-Type", "text/x")],
                    body: [0x61], responseLimit: 1_000))
            guard status == 303 else {
                #expect(response.status == status)
                return
            }
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(text.hasPrefix("GET /echo?redirected\n"))
            #expect(!text.contains("Content-Type"))
            #expect(text.hasSuffix("\n\n"))
        }
    }

    @Test func `who asks is not told to another host`() async throws {
        try await withServer { client, base in
            let port = base.split(separator: ":").last.map(String.init) ?? ""
            for (host, isSame) in [("127.0.0.1", true), ("localhost", false)] {
                let response = try await client.send(
                    OutboundRequest(
                        url: "\(base)/to/\(host):\(port)", headers: [("Authorization", "secret"), ("X-A", "1")],
                        responseLimit: 1_000))
                let text = String(decoding: response.body, as: UTF8.self)
                #expect(text.contains("Authorization") == isSame)
                #expect(text.contains("X-A: 1"))
            }
        }
    }

    @Test func `redirections come to an end`() async throws {
        try await withServer { client, base in
            await #expect(throws: OutboundError.tooManyRedirects) { try await get(client, "\(base)/loop") }
        }
    }

    @Test(arguments: ["/large", "/large-chunked"])
    func `an answer has no more bytes than allowed`(path: String) async throws {
        try await withServer { client, base in
            await #expect(throws: OutboundError.tooLarge) { try await get(client, base + path, limit: 99_999) }
            let whole = try await get(client, base + path, limit: 100_000)
            #expect(whole.body.count == 100_000)
        }
    }

    @Test(arguments: ["/silent", "/half"])
    func `who does not answer in time is given up`(path: String) async throws {
        try await withServer { options in
            options.headerTimeout = .milliseconds(100)
            options.bodyTimeout = .milliseconds(100)
        } _: { client, base in
            await #expect(throws: OutboundError.timedOut) { try await get(client, base + path) }
        }
    }

    @Test func `a body may take long as long as it comes`() async throws {
        try await withServer { options in
            options.headerTimeout = .seconds(2)
            options.bodyTimeout = .seconds(2)
        } _: { client, base in
            let response = try await get(client, "\(base)/drip")
            #expect(response.body.count == 10)
        }
    }

    @Test(arguments: ["", "x", "ftp://example.org/", "http://", "file:///etc/passwd", "/path"])
    func `what is no web address is refused`(url: String) async throws {
        try await withServer { client, _ in
            let error = await #expect(throws: OutboundError.self) { try await get(client, url) }
            guard case .invalidURL = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a server that is not there is told at once`() async throws {
        try await withServer { client, _ in
            let error = await #expect(throws: OutboundError.self) { try await get(client, "http://127.0.0.1:1/") }
            guard case .failed = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
    func `a blocked address is not spoken to, whatever leads to it`(host: String) async throws {
        try await withServer { options in
            options.blockedRanges = ["127.0.0.0/8", "::1"].compactMap { IPRange($0) }
        } _: { client, base in
            let port = base.split(separator: ":").last.map(String.init) ?? ""
            let error = await #expect(throws: OutboundError.self) {
                try await get(client, "http://\(host):\(port)/echo")
            }
            guard case .blockedAddress = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `exceptions from blocked ranges hold`() async throws {
        try await withServer { options in
            options.blockedRanges = ["0.0.0.0/0"].compactMap { IPRange($0) }
            options.allowedRanges = ["127.0.0.1"].compactMap { IPRange($0) }
        } _: { client, base in
            let response = try await get(client, "\(base)/echo")
            #expect(response.status == 200)
        }
    }

    @Test func `a request whose task is cancelled ends`() async throws {
        try await withServer { client, base in
            let task = Task { try await get(client, "\(base)/silent") }
            task.cancel()
            await #expect(throws: OutboundError.cancelled) { try await task.value }
        }
    }

    @Test func `a client that was shut down sends nothing`() async throws {
        let client = OutboundClient(.init(userAgent: "x"))
        await client.shutdown()
        await #expect(throws: OutboundError.self) { try await get(client, "http://127.0.0.1:1/") }
    }
}
