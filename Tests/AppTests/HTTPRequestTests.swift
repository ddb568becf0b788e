import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import App

@Suite struct HTTPRequestTests {
    @Test(arguments: ["", "localhost:8008", "ftp://example.com", "http://", "example.com"])
    func `other addresses are refused`(url: String) {
        #expect(HTTPRequest(url: url) == nil)
    }

    @Test func `a request is sent and its answer read`() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Echo())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let request = try #require(HTTPRequest(url: "http://127.0.0.1:\(port)/base/"))
        let (status, body) = try await request.send("POST", "/path?x=1", Array("{\"a\":1}".utf8))
        #expect(status == 201)
        #expect(String(decoding: body, as: UTF8.self) == "POST /base/path?x=1 127.0.0.1:\(port) {\"a\":1}")
        let (_, empty) = try await request.send("GET", "/p", [])
        #expect(String(decoding: empty, as: UTF8.self) == "GET /base/p 127.0.0.1:\(port) ")
        try await server.close()
        await #expect(throws: HTTPRequest.Failure.self) { try await request.send("GET", "/", []) }
    }
}

/// Answers with what it was asked.
private final class Echo: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var text = ""

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): text = "\(head.method.rawValue) \(head.uri) \(head.headers["host"].first ?? "") "
        case .body(let part): text += String(buffer: part)
        case .end:
            let headers: HTTPHeaders = ["Content-Length": "\(text.utf8.count)"]
            context.write(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .created, headers: headers))),
                promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
