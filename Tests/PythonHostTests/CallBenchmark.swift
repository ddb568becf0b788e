import Foundation
import MatrixCore
import ModuleAPI
import Testing

@testable import PythonHost

/// How fast calls go through a host. Runs only if `AXOLEMMA_BENCHMARK` is set, and prints.
///
/// `AXOLEMMA_BENCHMARK_PYTHON` names an interpreter with our packages; without it the tests' own small host is measured.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["AXOLEMMA_BENCHMARK"] != nil), .serialized)
struct CallBenchmark {
    @Test(arguments: [1, 32]) func `callbacks that do nothing`(_ callers: Int) async throws {
        try await run { context in
            let check = try #require(context.registered.spam.first?.checkEventForSpam)
            let sent = event("$e", content: ["body": .string(String(repeating: "x", count: 500))])
            return { _ = try await check(sent) }
        } measuring: { session, call in
            try await measure("check_event_for_spam", callers, session, call)
        }
    }

    @Test(arguments: [1, 32]) func `callbacks with the state of a large room`(_ callers: Int) async throws {
        let all = Dictionary(
            uniqueKeysWithValues: (0..<10_000).map { number in
                let key = StateKey(.member, "@u\(number):b.example")
                return (key, event("$\(number)", type: .member, stateKey: key.key))
            })
        let state = StateMap(load: { all[$0] }, loadAll: { all }, version: StateVersion(room: 1, root: 1))
        try await run { context in
            let check = try #require(context.registered.rules.compactMap(\.checkEventAllowed).first)
            let sent = event("$e", content: ["body": .string(String(repeating: "x", count: 500))])
            return { _ = try await check(sent, state) }
        } measuring: { session, call in
            try await measure("check_event_allowed, 10,000 members", callers, session, call)
        }
    }

    private func run(
        _ prepare: (FakeContext) throws -> @Sendable () async throws -> Void,
        measuring: (HostSession, @escaping @Sendable () async throws -> Void) async throws -> Void
    ) async throws {
        guard let python = ProcessInfo.processInfo.environment["AXOLEMMA_BENCHMARK_PYTHON"] else {
            let module: JSONObject = [
                "callbacks": ["check_event_for_spam", "check_event_allowed"],
                "do": ["check_event_for_spam": ["answer": "allow"], "check_event_allowed": ["answer": [true, .null]]],
            ]
            return try await FakeHost().run([module]) { fake async throws in
                try await measuring(try await fake.host.session(), try prepare(fake.context))
            }
        }
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let packages = tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Python")
        let host = PythonModules(
            PythonSettings(
                interpreter: python, packagePaths: [packages.path, tests.appendingPathComponent("Hosts").path],
                server: [
                    "server_name": "b.example", "public_baseurl": "https://b.example/", "version": "1.163.2",
                    "axolemma_version": "0", "custom_template_directory": .null, "email": .null, "app_name": "Matrix",
                    "config": ["server_name": "b.example"], "default_room_version": "12", "database": .null,
                    "callback_timeout_ms": 30_000,
                ]))
        #expect(try await host.configure([FakeHost.entry(0, [:], module: "noop_module.NoOp")]).isEmpty)
        let context = FakeContext()
        _ = try await host.construct(0, context: context)
        try await host.started()
        try await measuring(try await host.session(), try prepare(context))
        await host.stop()
    }

    private func measure(
        _ name: String, _ callers: Int, _ session: HostSession, _ call: @escaping @Sendable () async throws -> Void
    ) async throws {
        for _ in 0..<500 { try await call() }
        let total = 20_000
        let (start, ours, theirs) = (ContinuousClock.now, Self.processorTime(), Self.processorTime(of: session))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<callers {
                group.addTask { for _ in 0..<total / callers { try await call() } }
            }
            try await group.waitForAll()
        }
        let seconds = Double((ContinuousClock.now - start).inMilliseconds) / 1_000
        func each(_ seconds: Double) -> Int { Int(seconds / Double(total) * 1e6) }
        print(
            """
            \(name), \(callers) callers: \(Int(Double(total) / seconds)) calls/s, \(each(seconds) * callers) µs latency, \
            CPU per call \(each(Self.processorTime() - ours)) µs here + \
            \(each(Self.processorTime(of: session) - theirs)) µs in Python
            """)
    }

    private static func processorTime() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The processor time of the host, in ticks of 10 ms.
    private static func processorTime(of session: HostSession) -> Double {
        let text = try? String(contentsOfFile: "/proc/\(session.process.identifier)/stat", encoding: .utf8)
        let fields = text?.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / 100
    }
}
