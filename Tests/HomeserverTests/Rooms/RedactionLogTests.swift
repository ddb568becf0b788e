import MatrixCore
import Testing

@testable import Homeserver

@Suite struct RedactionLogTests {
    private let topic = StateKey(.topic)
    private let name = StateKey(.name)

    @Test func `a copy learns what was redacted since, and of its own room alone`() {
        let log = RedactionLog()
        let start = log.latest(in: 1)
        log.note([topic], in: 1)
        log.note([], in: 1)
        let middle = log.latest(in: 1)
        log.note([name], in: 1)
        log.note([name], in: 2)
        let end = log.latest(in: 1)
        #expect(start < middle && middle < end)
        #expect(log.keys(in: 1, between: start, and: end) == [topic, name])
        #expect(log.keys(in: 1, between: end, and: middle) == [name])
        #expect(log.keys(in: 1, between: end, and: end) == [])
        #expect(log.latest(in: 3) == start)
    }

    @Test func `what was forgotten is not known to be the same`() {
        let log = RedactionLog(roomLimit: 2, entryLimit: 3)
        let start = log.latest(in: 1)
        for _ in 0..<4 { log.note([topic], in: 1) }
        let end = log.latest(in: 1)
        #expect(log.keys(in: 1, between: start, and: end) == nil)
        #expect(log.keys(in: 1, between: start + 1, and: end)?.count == 3)
        log.note([topic], in: 2)
        log.note([topic], in: 3)
        #expect(log.latest(in: 1) >= end)
        #expect(log.keys(in: 1, between: start, and: log.latest(in: 1)) == nil)
        #expect(log.keys(in: 3, between: log.latest(in: 3) - 1, and: log.latest(in: 3)) == [topic])
    }
}
