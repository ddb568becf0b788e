import Testing

@testable import PythonHost

@Suite struct SupervisionTests {
    private let start = ContinuousClock.now

    @Test func `restarts come after 0.1 s, and each further one after twice the time up to 30 s`() {
        var supervision = Supervision()
        let delays = (0..<12).map { _ in supervision.lost(at: start).inMilliseconds }
        #expect(delays == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000])
    }

    @Test func `a minute of health makes the next restart quick again, less does not`() {
        var supervision = Supervision()
        for _ in 0..<5 { _ = supervision.lost(at: start) }
        supervision.ready(at: start)
        #expect(supervision.lost(at: start + .seconds(59)).inMilliseconds == 3_200)
        supervision.ready(at: start)
        #expect(supervision.lost(at: start + .seconds(60)).inMilliseconds == 100)
        #expect(supervision.restarts == 7)
    }

    @Test func `a process that was never ready since counts as unhealthy`() {
        var supervision = Supervision()
        supervision.ready(at: start)
        _ = supervision.lost(at: start + .seconds(100))
        #expect(supervision.lost(at: start + .seconds(500)).inMilliseconds == 200)
    }

    @Test func `pings tell a process that is well from one that is blocked or too large`() {
        let watchdog = Watchdog(timeout: .seconds(30), memoryLimit: 1_000)
        #expect(watchdog.interval == .seconds(10))
        #expect(watchdog.judge((900, .seconds(1))) == .well)
        #expect(watchdog.judge((nil, .seconds(29))) == .well)
        #expect(watchdog.judge((1_001, .seconds(1))) == .tooLarge(bytes: 1_001))
        #expect(watchdog.judge((900, .seconds(31))) == .blocked)
        #expect(watchdog.judge(nil) == .blocked)
    }

    @Test func `output is cut into lines of bounded length and number`() {
        var lines = OutputLines()
        #expect(lines.push(Array("one\ntw".utf8), second: 1) == ["one"])
        #expect(lines.push(Array("o\n\n\nthree".utf8), second: 1) == ["two"])
        #expect(lines.finish() == ["three"])
        let long = lines.push([UInt8](repeating: 0x61, count: 20_000) + [0x0A], second: 2)
        #expect(long.map(\.utf8.count) == [8_192, 8_192, 3_616])
        let many = lines.push(Array(repeating: "x\n".utf8, count: 5_000).joined().map { $0 }, second: 3)
        #expect(many.count == 1_000)
        #expect(lines.push(Array("y\n".utf8), second: 4) == ["(4000 more lines left out)", "y"])
    }
}
