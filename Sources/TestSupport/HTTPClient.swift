package import MatrixCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A small HTTP/1.1 client for tests: connections are kept, answers are whole, nothing is retried or redirected.
///
/// Requests may be made at once; each takes an idle connection or opens one. A request whose task is cancelled closes its
/// connection, as a client that hangs up does.
package final class HTTPClient: Sendable {
    /// Where a server listens.
    package enum Place: Sendable {
        case port(Int, host: String = "127.0.0.1")
        /// TLS, with whatever certificate.
        case tls(Int, host: String = "127.0.0.1")
        case unixSocket(String)
    }

    private let place: Place
    private let idle = Mutex<[any Channel]>([])

    package init(_ place: Place) { self.place = place }

    package convenience init(port: Int) { self.init(.port(port)) }

    /// Sends a request and waits for the whole answer.
    /// - Parameters:
    ///   - target: Path and query, encoded.
    ///   - token: Sent as `Authorization: Bearer`.
    package func request(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8] = [], token: String? = nil
    ) async throws -> HTTPAnswer {
        let channel = try await connection()
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: target)
        head.headers.add(name: "Host", value: "localhost")
        if let token { head.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        let sendsBody = !body.isEmpty || method == "POST" || method == "PUT"
        if sendsBody, !head.headers.contains(name: "Content-Length") {
            head.headers.add(name: "Content-Length", value: "\(body.count)")
        }
        let answer = channel.eventLoop.makePromise(of: HTTPAnswer.self)
        let request = OutgoingRequest(head: head, body: body, answer: answer)
        channel.writeAndFlush(request, promise: nil)
        let received = try await withTaskCancellationHandler {
            try await answer.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        if received.keepsConnection { idle.withLock { $0.append(channel) } } else { channel.close(promise: nil) }
        return received
    }

    package func get(
        _ target: String, token: String? = nil, headers: [(String, String)] = []
    ) async throws -> HTTPAnswer { try await request("GET", target, headers: headers, token: token) }

    package func put(_ target: String, _ json: JSONObject, token: String? = nil) async throws -> HTTPAnswer {
        try await request("PUT", target, headers: Self.json, body: json.encoded(), token: token)
    }

    package func post(_ target: String, _ json: JSONObject = [:], token: String? = nil) async throws -> HTTPAnswer {
        try await request("POST", target, headers: Self.json, body: json.encoded(), token: token)
    }

    package func delete(_ target: String, token: String? = nil) async throws -> HTTPAnswer {
        try await request("DELETE", target, token: token)
    }

    /// Closes the connections that are idle.
    package func close() async throws {
        let channels = idle.withLock { channels in
            defer { channels = [] }
            return channels
        }
        for channel in channels { try? await channel.close().get() }
    }

    private static let json = [("Content-Type", "application/json")]

    private func connection() async throws -> any Channel {
        while let channel = idle.withLock({ $0.popLast() }) {
            if channel.isActive { return channel }
        }
        var tls: NIOSSLContext?
        if case .tls = place {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            tls = try NIOSSLContext(configuration: configuration)
        }
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer {
            [tls] channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                try pipeline.addHTTPClientHandlers()
                try pipeline.addHandler(AnswerGatherer())
            }
        }
        switch place {
        case .port(let port, let host), .tls(let port, let host):
            return try await bootstrap.connect(host: host, port: port).get()
        case .unixSocket(let path): return try await bootstrap.connect(unixDomainSocketPath: path).get()
        }
    }
}

/// What a server answered.
package struct HTTPAnswer: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]
    let keepsConnection: Bool

    /// The value of a header, by its name in any case; the first one if there are several.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as a JSON object; empty if it is none, so that a look-up in it gives `nil`.
    package var json: JSONObject { (try? JSONObject.parse(body)) ?? [:] }

    /// The error code, if this is an error.
    package var errorCode: String? { json.string("errcode") }
}

/// The connection closed before the answer was whole.
package struct HungUp: Error {}

private struct OutgoingRequest: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    let answer: EventLoopPromise<HTTPAnswer>
}

/// Writes one request at a time and gathers its answer.
private final class AnswerGatherer: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = OutgoingRequest
    typealias OutboundOut = HTTPClientRequestPart

    private var answer: EventLoopPromise<HTTPAnswer>?
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        guard context.channel.isActive else {
            request.answer.fail(HungUp())
            return
        }
        answer = request.answer
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        if !request.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let bytes): body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let head else { return }
            let answer = answer
            let received = HTTPAnswer(
                status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) }, body: body,
                keepsConnection: head.isKeepAlive)
            self.answer = nil
            self.head = nil
            body = []
            answer?.succeed(received)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer?.fail(HungUp())
        answer = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer?.fail(error)
        answer = nil
        context.close(promise: nil)
    }
}
