import Logging
import MatrixCore
import NIOCore
import NIOPosix
import ServerMetrics
import Synchronization
import TestSupport

@testable import WebServer

/// A server that runs for the length of a test.
struct ServerUnderTest: Sendable {
    let server: WebServer
    let bound: [BoundListener]
    let log: RecordedLog
    let metrics: MetricsRegistry

    /// A client of the first listener.
    var client: HTTPClient { HTTPClient(port: port) }
    var port: Int { bound.first?.port ?? 0 }
}

/// Two users and a guest, by tokens of the same names.
struct KnownTokens: Authenticator {
    func requester(forToken token: String, address: String, userAgent: String?) async throws -> Requester {
        guard ["alice", "admin", "guest", "expired"].contains(token) else {
            throw MatrixError(status: 401, code: .unknownToken, message: "Invalid access token passed.")
        }
        return Requester(
            user: UserID(trusted: "@\(token):example.org"), device: nil, accountNumber: 1, isGuest: token == "guest",
            isAdmin: token == "admin")
    }

    func checkValidity(of requester: Requester) async throws {
        guard requester.user.localpart == "expired" else { return }
        throw MatrixError(status: 403, code: "ORG_MATRIX_EXPIRED_ACCOUNT", message: "User account has expired")
    }
}

struct Endpoints: EndpointGroup {
    let endpoints: [Endpoint]
}

/// What a server logged.
final class RecordedLog: Sendable {
    struct Entry: Sendable {
        let level: Logger.Level
        let message: String
        let requestID: String?
    }

    private let recorded = Mutex<[Entry]>([])

    var entries: [Entry] { recorded.withLock { $0 } }
    var lines: [String] { entries.map(\.message) }

    func logger(level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = level
        return logger
    }

    /// Waits until an entry is there that fits, as what is logged after an answer may be.
    func wait(for fits: (Entry) -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(20)
        while !entries.contains(where: fits) {
            guard ContinuousClock.now < limit else { throw NotLogged() }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    struct NotLogged: Error {}

    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let id = event.metadata?["request"]?.description
            log.recorded.withLock {
                $0.append(Entry(level: event.level, message: event.message.description, requestID: id))
            }
        }
    }
}

extension Listener {
    /// A free port of this machine.
    static func free(
        resources: Set<Resource> = [.client], tls: TLS? = nil, trustsForwardedFor: Bool = false,
        requestIDHeader: String? = nil
    ) -> Listener {
        Listener(
            place: .port(0, addresses: ["127.0.0.1"]), tls: tls, trustsForwardedFor: trustsForwardedFor,
            requestIDHeader: requestIDHeader, resources: resources)
    }
}

func withServer<Value: Sendable>(
    _ endpoints: [Endpoint], mounts: [Mount] = [], listeners: [Listener] = [.free()],
    accessLevel: Logger.Level = .info,
    configure: (inout WebServer.Configuration) -> Void = { _ in },
    _ body: @Sendable (ServerUnderTest) async throws -> Value
) async throws -> Value {
    let (ready, announce) = AsyncStream<[BoundListener]>.makeStream()
    let log = RecordedLog()
    let metrics = MetricsRegistry()
    var configuration = WebServer.Configuration(version: "1.2.3")
    configuration.eventLoopThreads = 2
    configuration.maximumConnections = 100
    configure(&configuration)
    let server = try WebServer(
        listeners: listeners, endpoints: [Endpoints(endpoints: endpoints), HealthPage(), MetricsPage(metrics)],
        mounts: mounts, authenticator: KnownTokens(), configuration: configuration, metrics: metrics,
        logger: log.logger(level: .info), accessLogger: log.logger(level: accessLevel),
        onReady: { bound in
            announce.yield(bound)
            announce.finish()
        })
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { announce.finish() }
            try await server.run()
        }
        guard let bound = await ready.first(where: { _ in true }) else {
            try await group.waitForAll()
            throw NotStarted()
        }
        let value = try await body(ServerUnderTest(server: server, bound: bound, log: log, metrics: metrics))
        group.cancelAll()
        try await group.waitForAll()
        return value
    }
}

struct NotStarted: Error {}

/// Something that happens once, and can be waited for.
struct Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func send() { continuation.finish() }

    /// Waits until it happened, or until the task is cancelled.
    func wait() async { for await _ in stream {} }
}

/// A value that a handler leaves for the test.
final class Left<Value: Sendable>: Sendable {
    private let stored: Mutex<Value>

    init(_ value: Value) { stored = Mutex(value) }

    var value: Value { stored.withLock { $0 } }

    func change(_ change: @Sendable (inout Value) -> Void) { stored.withLock { change(&$0) } }
}

/// A connection whose bytes the test writes and reads itself.
final class RawConnection: Sendable {
    private let channel: any Channel
    private let gathered: Gathered

    /// What arrived and was not read yet.
    private final class Gathered: Sendable {
        struct State {
            var bytes: [UInt8] = []
            var isClosed = false
            var isReset = false
            var waiting: CheckedContinuation<Void, Never>?
        }

        let state = Mutex(State())

        func change(_ change: (inout State) -> Void) {
            let waiting = state.withLock { state in
                change(&state)
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }
    }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let gathered: Gathered

        init(_ gathered: Gathered) { self.gathered = gathered }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            gathered.change { $0.bytes += bytes }
        }

        func channelInactive(context: ChannelHandlerContext) { gathered.change { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            gathered.change { $0.isReset = true }
            context.close(promise: nil)
        }
    }

    init(port: Int) async throws {
        let gathered = Gathered()
        self.gathered = gathered
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Reader(gathered))
            }
        }.connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    func close() async throws { try await channel.close().get() }

    /// Takes nothing more from the network, or goes on.
    func setReading(_ reads: Bool) async throws {
        try await channel.setOption(.autoRead, value: reads).get()
        if reads { channel.read() }
    }

    /// Whether the connection ended in disorder.
    var isReset: Bool { gathered.state.withLock { $0.isReset } }

    /// Reads up to and with `end`; what there is if the server closes the connection before.
    func read(to end: String) async -> String {
        while true {
            let (text, seen) = gathered.state.withLock { state -> (String?, Int) in
                let found = state.bytes.firstRange(of: Array(end.utf8))
                guard let upTo = found?.upperBound ?? (state.isClosed ? state.bytes.count : nil) else {
                    return (nil, state.bytes.count)
                }
                defer { state.bytes.removeFirst(upTo) }
                return (String(decoding: state.bytes[..<upTo], as: UTF8.self), 0)
            }
            if let text { return text }
            await moreThan(seen)
        }
    }

    /// Reads so many bytes, or what there is if the server closes the connection before, and throws them away.
    /// - Returns: How many there were.
    func skip(_ count: Int) async -> Int {
        var skipped = 0
        while true {
            let (isDone, taken) = gathered.state.withLock { state -> (Bool, Int) in
                let taken = min(state.bytes.count, count - skipped)
                state.bytes.removeFirst(taken)
                return (state.isClosed || skipped + taken == count, taken)
            }
            skipped += taken
            if isDone { return skipped }
            await moreThan(0)
        }
    }

    /// Reads until the server closes the connection.
    func readToEnd() async -> String {
        while true {
            let (text, seen) = gathered.state.withLock { state in
                (state.isClosed ? String(decoding: state.bytes, as: UTF8.self) : nil, state.bytes.count)
            }
            if let text { return text }
            await moreThan(seen)
        }
    }

    /// Waits until more than `seen` bytes are there, or the connection is closed.
    private func moreThan(_ seen: Int) async {
        await withCheckedContinuation { continuation in
            let isNew = gathered.state.withLock { state in
                if state.isClosed || state.bytes.count > seen { return true }
                state.waiting = continuation
                return false
            }
            if isNew { continuation.resume() }
        }
    }
}

extension Array where Element == UInt8 {
    fileprivate func firstRange(of other: [UInt8]) -> Range<Int>? {
        guard !other.isEmpty, count >= other.count else { return nil }
        for start in 0...(count - other.count) where self[start] == other[0] {
            if self[start..<(start + other.count)].elementsEqual(other) { return start..<(start + other.count) }
        }
        return nil
    }
}
