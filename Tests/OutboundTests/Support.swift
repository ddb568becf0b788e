import NIOCore
import NIOHTTP1
import NIOPosix

@testable import Outbound

/// Runs a server with many manners, and a client.
func withServer(
    _ configure: (inout OutboundClient.Options) -> Void = { _ in },
    _ body: (OutboundClient, _ base: String) async throws -> Void
) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                try channel.pipeline.syncOperations.addHandler(Manners())
            }
        }.bind(host: "127.0.0.1", port: 0).get()
    var options = OutboundClient.Options(userAgent: "Axolemma/1.2.3")
    configure(&options)
    let client = OutboundClient(options)
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(client, "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"))
    } catch {
        result = .failure(error)
    }
    await client.shutdown()
    try await channel.close().get()
    try result.get()
}

/// Answers each path in its own way.
private final class Manners: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var bytes): body.writeBuffer(&bytes)
        case .end:
            if let head { answer(head, context) }
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let parts = head.uri.split(separator: "?")[0].split(separator: "/").map(String.init)
        switch parts.first {
        case "echo":
            let headers = head.headers.map { "\($0.name): \($0.value)\n" }.joined()
            send(200, "\(head.method.rawValue) \(head.uri)\n\(headers)\n\(String(buffer: body))", context)
        case "status": send(Int(parts[1]) ?? 500, "", context)
        case "redirect": send(Int(parts[1]) ?? 500, "gone", context, location: "../echo?redirected")
        case "to": send(302, "", context, location: "http://\(parts[1])/echo")
        case "loop": send(302, "", context, location: "/loop")
        case "large": send(200, String(repeating: "a", count: 100_000), context)
        case "large-chunked":
            begin(200, [:], context)
            for _ in 0..<10 { piece(String(repeating: "a", count: 10_000), context) }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case "half":
            begin(200, ["Content-Length": "10"], context)
            piece("abc", context)
        case "drip":
            begin(200, ["Content-Length": "10"], context)
            drip(10, context)
        default: break  // silent
        }
    }

    private func drip(_ count: Int, _ context: ChannelHandlerContext) {
        guard count > 0 else { return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil) }
        piece("a", context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(220)) { bound.value.0.drip(count - 1, bound.value.1) }
    }

    private func send(_ status: Int, _ text: String, _ context: ChannelHandlerContext, location: String? = nil) {
        var headers: HTTPHeaders = ["Content-Length": "\(text.utf8.count)"]
        if let location { headers.add(name: "Location", value: location) }
        begin(status, headers, context)
        if head?.method != .HEAD { piece(text, context) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func begin(_ status: Int, _ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func piece(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }
}
