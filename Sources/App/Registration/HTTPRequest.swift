import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One HTTP request with a short answer, over a connection of its own. For the command line; the server has a better client.
struct HTTPRequest {
    /// A request that got no answer, with the reason.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let host: String
    private let port: Int
    private let usesTLS: Bool
    private let basePath: String
    /// Whether the server's certificate is checked.
    let checksCertificate: Bool

    /// - Parameter url: The server's base URL, `http` or `https`; `nil` is returned for anything else.
    init?(url: String, checksCertificate: Bool = true) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { return nil }
        usesTLS = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (usesTLS ? 443 : 80)
        basePath = parts.path.hasSuffix("/") ? String(parts.path.dropLast()) : parts.path
        self.checksCertificate = checksCertificate
    }

    /// Sends a request with a JSON body, if there is one.
    /// - Throws: ``Failure``
    func send(_ method: String, _ path: String, _ body: [UInt8]) async throws -> (Int, [UInt8]) {
        let group = MultiThreadedEventLoopGroup.singleton
        let tls = usesTLS ? try tlsContext() : nil
        let promise = group.any().makePromise(of: (Int, [UInt8]).self)
        let hostname = isAddress ? nil : host
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: hostname))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(AnswerCollector(promise))
                    }
                }
                .connect(host: host, port: port).get()
        } catch {
            let failure = Failure(description: "cannot connect to \(host) port \(port): \(Self.reason(for: error))")
            promise.fail(failure)
            throw failure
        }
        let timeout = channel.eventLoop.scheduleTask(in: .seconds(60)) { channel.close(promise: nil) }
        defer { timeout.cancel() }
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: basePath + path)
        head.headers.add(name: "Host", value: authority)
        head.headers.add(name: "Connection", value: "close")
        head.headers.add(name: "User-Agent", value: "axolemma/\(Version.current)")
        if !body.isEmpty { head.headers.add(name: "Content-Type", value: "application/json") }
        if method != "GET" { head.headers.add(name: "Content-Length", value: String(body.count)) }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !body.isEmpty {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(channel.allocator.buffer(bytes: body))), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        do {
            return try await promise.futureResult.get()
        } catch {
            throw Failure(description: "no answer from \(host) port \(port): \(Self.reason(for: error))")
        }
    }

    /// An error in the system's own words, where it has any.
    private static func reason(for error: any Error) -> String {
        let cause = (error as? NIOConnectionError)?.connectionErrors.last?.error ?? error
        if let system = cause as? IOError { return String(cString: strerror(system.errnoCode)) }
        if let failure = cause as? Failure { return failure.description }
        return "\(cause)"
    }

    private var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: port)) != nil }

    private var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    private func tlsContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if !checksCertificate { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Gathers an answer of at most 1 MiB.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<(Int, [UInt8])>
    private var status = 0
    private var body: [UInt8] = []
    private var isDone = false

    init(_ promise: EventLoopPromise<(Int, [UInt8])>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let part):
            body.append(contentsOf: part.readableBytesView)
            if body.count > 1 << 20 { finish(context, .failure(HTTPRequest.Failure(description: "answer too long"))) }
        case .end: finish(context, .success((status, body)))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context, .failure(error)) }

    func channelInactive(context: ChannelHandlerContext) {
        finish(context, .failure(HTTPRequest.Failure(description: "the connection was closed")))
    }

    private func finish(_ context: ChannelHandlerContext, _ result: Result<(Int, [UInt8]), any Error>) {
        guard !isDone else { return }
        isDone = true
        promise.completeWith(result)
        context.close(promise: nil)
    }
}
