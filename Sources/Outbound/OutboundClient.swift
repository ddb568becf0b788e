import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Makes requests to other servers over HTTP/1.1, on connections that are kept for a while.
///
/// The library behind it is set up by the first request: a server that makes none pays nothing for it.
package final class OutboundClient: Sendable {
    package struct Options: Sendable {
        /// What the client calls itself, as `Axolemma/0.1.0`.
        package var userAgent: String
        package var connectTimeout: Duration = .seconds(15)
        /// From the request to the last of the answer's headers, connecting included.
        package var headerTimeout: Duration = .seconds(60)
        /// For each next piece of the body.
        package var bodyTimeout: Duration = .seconds(30)
        /// How long an idle connection is kept.
        package var idleTimeout: Duration = .seconds(60)
        /// How many redirections one request may lead to.
        package var redirectLimit = 10
        /// Addresses that are not spoken to, whatever name leads to them.
        package var blockedRanges: [IPRange] = []
        /// Exceptions from ``blockedRanges``.
        package var allowedRanges: [IPRange] = []

        package init(userAgent: String) { self.userAgent = userAgent }
    }

    private enum State {
        case unused
        case ready(HTTPClient)
        case closed
    }

    private let options: Options
    private let guardian: AddressGuard
    private let state = Mutex(State.unused)

    package init(_ options: Options) {
        self.options = options
        guardian = AddressGuard(blocked: options.blockedRanges, allowed: options.allowedRanges)
    }

    /// Closes every connection. Requests that are made later fail.
    ///
    /// It has to be called before the last reference is gone if a request was ever made.
    package func shutdown() async {
        let client = state.withLock { state -> HTTPClient? in
            defer { state = .closed }
            return if case .ready(let client) = state { client } else { nil }
        }
        try? await client?.shutdown()
    }

    /// Sends a request, follows redirections, and waits for the whole answer, whatever its status.
    ///
    /// GET and HEAD are redirected by 301, 302, 307 and 308, any method by 303, which makes it a GET. Headers that tell who
    /// asks do not follow to another host.
    package func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundResponse {
        let client = try ready()
        var target = try OutboundTarget(request)
        for _ in 0...options.redirectLimit {
            let response = try await exchange(client, target, limit: request.responseLimit)
            guard let next = try target.redirected(by: response) else { return response }
            target = next
        }
        throw .tooManyRedirects
    }

    private func ready() throws(OutboundError) -> HTTPClient {
        let client = state.withLock { state -> HTTPClient? in
            switch state {
            case .closed: return nil
            case .ready(let client): return client
            case .unused:
                let client = makeClient()
                state = .ready(client)
                return client
            }
        }
        guard let client else { throw .failed("the server is stopping") }
        return client
    }

    private func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = TimeAmount(options.connectTimeout)
        configuration.connectionPool.idleTimeout = TimeAmount(options.idleTimeout)
        configuration.connectionPool.retryConnectionEstablishment = false
        let guardian = guardian
        if !guardian.isOpen {
            // Before anything is sent, but after the name has become an address.
            configuration.http1_1ConnectionDebugInitializer = { channel in
                let address = channel.remoteAddress?.ipAddress
                return channel.eventLoop.makeCompletedFuture { try guardian.check(address) }
            }
        }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Sends one request and gathers the answer to it.
    private func exchange(
        _ client: HTTPClient, _ target: OutboundTarget, limit: Int
    ) async throws(OutboundError) -> OutboundResponse {
        do {
            try guardian.checkLiteral(target.host)
            var request = HTTPClientRequest(url: target.url)
            request.method = HTTPMethod(rawValue: target.method)
            request.headers = HTTPHeaders(target.headers)
            if !request.headers.contains(name: "User-Agent") {
                request.headers.add(name: "User-Agent", value: options.userAgent)
            }
            if let body = target.body { request.body = .bytes(body) }
            let response = try await client.execute(request, timeout: TimeAmount(options.headerTimeout))
            let body = try await gather(response, isHead: target.method == "HEAD", limit: limit)
            return OutboundResponse(
                status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) }, body: body,
                url: target.url)
        } catch {
            throw OutboundError(error, url: target.url)
        }
    }

    private func gather(_ response: HTTPClientResponse, isHead: Bool, limit: Int) async throws -> [UInt8] {
        let announced = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        if !isHead, let announced, announced > limit {
            throw OutboundError.tooLarge
        }
        let watch = IdleWatch(options.bodyTimeout)
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                var whole: [UInt8] = []
                for try await piece in response.body {
                    watch.touch()
                    guard whole.count + piece.readableBytes <= limit else { throw OutboundError.tooLarge }
                    whole.append(contentsOf: piece.readableBytesView)
                }
                return whole
            }
            group.addTask {
                try await watch.expire()
                throw OutboundError.timedOut
            }
            defer { group.cancelAll() }
            return try await group.next().flatMap { $0 } ?? []
        }
    }
}

/// Notices when nothing has happened for some time.
private final class IdleWatch: Sendable {
    private let limit: Duration
    private let last = Mutex(ContinuousClock.now)

    init(_ limit: Duration) { self.limit = limit }

    func touch() { last.withLock { $0 = .now } }

    /// Returns when nothing was touched for as long as the limit.
    /// - Throws: `CancellationError`
    func expire() async throws {
        while true {
            let end = last.withLock { $0 + limit }
            if end <= .now { return }
            try await Task.sleep(until: end, clock: .continuous)
        }
    }
}

/// Keeps connections from addresses that are not to be spoken to.
struct AddressGuard: Sendable {
    let blocked: [IPRange]
    let allowed: [IPRange]

    var isOpen: Bool { blocked.isEmpty }

    /// - Throws: ``OutboundError/blockedAddress(_:)`` unless the address may be spoken to.
    func check(_ address: String?) throws(OutboundError) {
        guard !isOpen else { return }
        guard let address, let bytes = IPAddressBytes(address) else { throw .blockedAddress(address ?? "unknown") }
        guard blocked.contains(where: { $0.contains(bytes) }), !allowed.contains(where: { $0.contains(bytes) })
        else { return }
        throw .blockedAddress(address)
    }

    /// Refuses an address that stands in a URL before a connection is tried.
    func checkLiteral(_ host: String) throws(OutboundError) {
        if IPAddressBytes(host) != nil { try check(host) }
    }
}
