import Logging
import MatrixCore
import ServerMetrics
import ServiceLifecycle
import TestSupport
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct StoppingTests {
    /// Runs a server, does `body`, and stops it gracefully when `body` says so.
    private func withService(
        _ endpoints: [Endpoint], grace: Duration, _ body: (Int, _ stop: () async -> Void) async throws -> Void
    ) async throws {
        let (ready, announce) = AsyncStream<Int>.makeStream()
        var configuration = WebServer.Configuration(version: "1")
        configuration.shutdownGrace = grace
        // One thread, so that all connections learn of the stop at the same moment.
        configuration.eventLoopThreads = 1
        let server = try WebServer(
            listeners: [.free()], endpoints: [Endpoints(endpoints: endpoints)], authenticator: KnownTokens(),
            configuration: configuration, metrics: MetricsRegistry(), logger: RecordedLog().logger(level: .info),
            onReady: { bound in announce.yield(bound.first?.port ?? 0) })
        let group = ServiceGroup(services: [server], logger: RecordedLog().logger(level: .error))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await ready.first { _ in true })
            try await body(port) { await group.triggerGracefulShutdown() }
            try await tasks.waitForAll()
        }
    }

    @Test func `a request that is being answered when the server stops is finished`() async throws {
        let (started, goOn) = (Signal(), Signal())
        let slow = Endpoint.get("/slow", .anyone) { _ in
            started.send()
            await goOn.wait()
            return .text(Task.isCancelled ? "cancelled" : "done")
        }
        try await withService([slow], grace: .seconds(30)) { port, stop in
            let idle = try await RawConnection(port: port)
            let connection = try await RawConnection(port: port)
            try await connection.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await started.wait()
            await stop()
            #expect(await idle.readToEnd() == "")
            goOn.send()
            let answer = await connection.readToEnd()
            #expect(answer.hasSuffix("done"))
            #expect(answer.contains("Connection: close\r\n"))
        }
    }

    @Test func `a long poll is told to finish when the grace is over`() async throws {
        let started = Signal()
        let poll = Endpoint.get("/poll", .anyone) { _ in
            started.send()
            await Signal().wait()
            return .text(Task.isCancelled ? "cancelled" : "done")
        }
        try await withService([poll], grace: .milliseconds(20)) { port, stop in
            let connection = try await RawConnection(port: port)
            try await connection.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
            await started.wait()
            await stop()
            #expect(await connection.readToEnd().hasSuffix("cancelled"))
        }
    }

    @Test func `a handler that fails because it was told to finish is no internal error`() async throws {
        let started = Signal()
        let poll = Endpoint.get("/poll", .anyone) { _ in
            started.send()
            await Signal().wait()
            try Task.checkCancellation()
            return .json([:])
        }
        try await withService([poll], grace: .zero) { port, stop in
            let connection = try await RawConnection(port: port)
            try await connection.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
            await started.wait()
            await stop()
            #expect(await connection.readToEnd().hasPrefix("HTTP/1.1 503 "))
        }
    }
}
