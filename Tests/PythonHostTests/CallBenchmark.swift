import Foundation
import MatrixCore
import ModuleAPI
import Testing

@testable import PythonHost

/// How fast calls go through a host. Runs only if `AXOLEMMA_BENCHMARK` is set, and prints.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["AXOLEMMA_BENCHMARK"] != nil), .serialized)
struct CallBenchmark {
    @Test(arguments: [1, 32]) func `callbacks that do nothing`(_ callers: Int) async throws {
        try await FakeHost().run([FakeHost.module("check_event_for_spam", do: ["answer": "allow"])]) { fake in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            let sent = event("$e", content: ["body": .string(String(repeating: "x", count: 500))])
            for _ in 0..<500 { _ = try await check(sent) }
            let (total, start, before) = (20_000, ContinuousClock.now, Self.processorTime())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<callers {
                    group.addTask { for _ in 0..<total / callers { _ = try await check(sent) } }
                }
                try await group.waitForAll()
            }
            let seconds = Double((ContinuousClock.now - start).inMilliseconds) / 1_000
            let ours = Self.processorTime() - before
            print(
                """
                \(callers) callers: \(Int(Double(total) / seconds)) calls/s, \(Int(seconds / Double(total / callers) * 1e6)) us \
                latency, \(Int(ours / Double(total) * 1e6)) us CPU of the server per call
                """)
        }
    }

    private static func processorTime() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
