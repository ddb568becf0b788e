package import Logging
import NIOCore
import NIOPosix
package import ServerMetrics
import ServiceLifecycle

/// Serves endpoints over HTTP/1.1 on every configured listener.
///
/// ``run()`` opens the listeners and serves until a graceful shutdown: then nothing more is accepted, requests that are
/// being answered are finished, and what still waits after a grace period, as long polls do, is cancelled.
package final class WebServer: Service {
    private let listeners: [ActiveListener]
    private let configuration: Configuration
    private let connections: Connections
    private let logger: Logger
    private let onReady: @Sendable ([BoundListener]) async -> Void

    /// - Parameters:
    ///   - endpoints: What is served, each where its resource is.
    ///   - mounts: What else is served, everywhere.
    ///   - logger: For what is not about one request. Each request's line goes to `accessLogger`, at level `info`.
    ///   - onReady: Called once, when every listener is open, with where they are.
    /// - Throws: ``ListenError`` if a certificate is no good.
    package init(
        listeners: [Listener], endpoints: [any EndpointGroup], mounts: [Mount] = [],
        authenticator: any Authenticator, configuration: Configuration, metrics: MetricsRegistry, logger: Logger,
        accessLogger: Logger? = nil,
        onReady: @escaping @Sendable ([BoundListener]) async -> Void = { _ in }
    ) throws(ListenError) {
        let httpMetrics = HTTPMetrics(metrics)
        let connections = Connections(
            limit: configuration.connectionLimit(logger: logger), gauge: httpMetrics.connections)
        let requestNumbers = RequestNumbers()
        let mounts = MountTable(mounts, metrics: httpMetrics, logger: logger)
        var active: [ActiveListener] = []
        for listener in listeners {
            let dispatcher = Dispatcher(
                endpoints, mounts: mounts, resources: listener.resources, authenticator: authenticator,
                metrics: httpMetrics, logger: logger)
            var certificate: Certificate?
            if let files = listener.tls { certificate = try Certificate(files, listener: listener.name) }
            active.append(
                ActiveListener(
                    listener, dispatcher, configuration: configuration, connections: connections,
                    certificate: certificate, requestNumbers: requestNumbers, logger: logger,
                    accessLogger: accessLogger ?? logger))
        }
        self.listeners = active
        self.configuration = configuration
        self.connections = connections
        self.logger = logger
        self.onReady = onReady
    }

    /// Reads every listener's certificate files anew, as on SIGHUP.
    /// - Throws: ``ListenError`` for the first that is no good; its connections go on with the one loaded before.
    package func reloadCertificates() throws(ListenError) {
        for listener in listeners { try listener.certificate?.reload() }
    }

    /// Serves until a graceful shutdown or until the task is cancelled.
    /// - Throws: ``ListenError`` if a listener cannot be opened; then none is.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoopThreads)
        let loops = await makeLoops(group)
        let binder = Binder(group: group, loops: loops, logger: logger)
        var channels: [any Channel] = []
        do {
            var bound: [BoundListener] = []
            for listener in listeners {
                for (channel, place) in try await binder.open(listener) {
                    channels.append(channel)
                    bound.append(place)
                }
            }
            await onReady(bound)
        } catch {
            await close(channels)
            try? await group.shutdownGracefully()
            throw error
        }
        let isGraceful: Bool
        do {
            try await gracefulShutdown()
            isGraceful = true
        } catch {
            isGraceful = false
        }
        await close(channels)
        if await stop(loops, grace: isGraceful ? configuration.shutdownGrace : .zero) {
            try await group.shutdownGracefully()
        }
    }

    private func makeLoops(_ group: MultiThreadedEventLoopGroup) async -> LoopStates {
        var states = LoopStates()
        for eventLoop in group.makeIterator() {
            let interval = configuration.timeouts.sweepInterval
            let state = try? await eventLoop.submit {
                NIOLoopBound(LoopState(eventLoop, sweepInterval: interval), eventLoop: eventLoop)
            }.get()
            if let state { states[ObjectIdentifier(eventLoop)] = state }
        }
        return states
    }

    private func close(_ channels: [any Channel]) async {
        for channel in channels { try? await channel.close().get() }
        for case .unixSocket(let path, _) in listeners.map(\.listener.place) where !channels.isEmpty {
            Binder.removeSocket(path)
        }
    }

    /// - Returns: Whether every connection is closed and every handler has returned.
    private func stop(_ loops: LoopStates, grace: Duration) async -> Bool {
        guard let anyLoop = loops.values.first?.eventLoop else { return true }
        connections.beginStop()
        forEachConnection(loops) { $0.stop() }
        if await connections.waitUntilGone(TimeAmount(grace), on: anyLoop) { return true }
        forEachConnection(loops) { $0.cancelTask() }
        if await connections.waitUntilGone(TimeAmount(configuration.shutdownLimit - grace), on: anyLoop) { return true }
        forEachConnection(loops) { $0.disconnect() }
        if await connections.waitUntilGone(.seconds(1), on: anyLoop) { return true }
        logger.warning("\(connections.open) requests did not end when they were cancelled; leaving them behind")
        return false
    }

    private func forEachConnection(_ loops: LoopStates, _ action: @escaping @Sendable (ConnectionHandler) -> Void) {
        for loop in loops.values { loop.eventLoop.execute { loop.value.forEach(action) } }
    }
}

/// What each event loop's connections share, by the loop.
typealias LoopStates = [ObjectIdentifier: NIOLoopBound<LoopState>]
