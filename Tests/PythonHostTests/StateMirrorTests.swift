import MatrixCore
import ModuleAPI
import Synchronization
import Testing

@testable import PythonHost

/// States of rooms that differ from each other by known entries.
private struct Rooms: Sendable {
    /// Root `n` of a room has members 0 ..< n.
    static func state(
        room: Int64 = 1, root: Int64, redactions: Int64 = 0, comparable: Bool = true
    ) -> StateMap {
        let all = Dictionary(
            uniqueKeysWithValues: (0..<root).map { number in
                let key = StateKey(.member, "@u\(number):b.example")
                return (key, event("$\(number)", type: .member, stateKey: key.key))
            })
        return StateMap(
            load: { all[$0] }, loadAll: { all }, version: StateVersion(room: room, root: root, redactions: redactions),
            changes: { base in
                // Lets others get in between.
                await Task.yield()
                guard comparable else { return nil }
                var changes: [StateKey: Event?] = [:]
                for number in min(base.root, root)..<max(base.root, root) {
                    let key = StateKey(.member, "@u\(number):b.example")
                    changes[key] = .some(all[key])
                }
                if base.redactions != redactions, let first = all.keys.min() { changes[first] = .some(all[first]) }
                return changes
            })
    }
}

/// Where a host would be.
private final class HostRoot: Sendable {
    let root = Mutex<Int64?>(nil)
}

@Suite struct StateMirrorTests {
    /// Sends a state and returns its JSON.
    private func send(_ map: StateMap, to mirror: StateMirror) async throws -> JSONObject {
        let prepared = try await mirror.prepare(map)
        defer { prepared.release() }
        #expect(mirror.deliver(prepared) { true } == .sent)
        return try JSONObject.parse(prepared.header)
    }

    @Test func `a room is sent whole, then by differences, then not at all`() async throws {
        let mirror = StateMirror { _ in }
        #expect(
            try await send(Rooms.state(root: 3), to: mirror) == ["room": 1, "root": 3, "base": .null, "changes": 3])
        #expect(try await send(Rooms.state(root: 5), to: mirror) == ["room": 1, "root": 5, "base": 3, "changes": 2])
        #expect(try await send(Rooms.state(root: 5), to: mirror) == ["room": 1, "root": 5, "base": 5, "changes": 0])
        #expect(try await send(Rooms.state(root: 4), to: mirror) == ["room": 1, "root": 4, "base": 5, "changes": 1])
    }

    @Test func `what was redacted since is sent again, and what comes then by differences`() async throws {
        let mirror = StateMirror { _ in }
        _ = try await send(Rooms.state(root: 3), to: mirror)
        let redacted = Rooms.state(root: 3, redactions: 7)
        #expect(try await send(redacted, to: mirror) == ["room": 1, "root": 3, "base": 3, "changes": 1])
        #expect(try await send(redacted, to: mirror) == ["room": 1, "root": 3, "base": 3, "changes": 0])
        let next = Rooms.state(root: 5, redactions: 7)
        #expect(try await send(next, to: mirror) == ["room": 1, "root": 5, "base": 3, "changes": 2])
    }

    @Test func `states that cannot be compared are sent whole`() async throws {
        let mirror = StateMirror { _ in }
        _ = try await send(Rooms.state(root: 3), to: mirror)
        let header = try await send(Rooms.state(root: 4, comparable: false), to: mirror)
        #expect(header == ["room": 1, "root": 4, "base": .null, "changes": 4])
    }

    @Test func `a state without a version is sent whole and not kept`() async throws {
        let mirror = StateMirror { _ in }
        #expect(try await send(StateMap([StateKey(.name): event("$n", type: .name)]), to: mirror) == ["changes": 1])
        #expect(mirror.roomCount == 0)
    }

    @Test func `a frame made before another moved the host is made anew`() async throws {
        let mirror = StateMirror { _ in }
        _ = try await send(Rooms.state(root: 3), to: mirror)
        let early = try await mirror.prepare(Rooms.state(root: 3))
        _ = try await send(Rooms.state(root: 4), to: mirror)
        #expect(mirror.deliver(early) { true } == .outdated)
    }

    @Test func `a frame that could not be sent leaves the mirror as it was`() async throws {
        let mirror = StateMirror { _ in }
        let prepared = try await mirror.prepare(Rooms.state(root: 3))
        #expect(mirror.deliver(prepared) { false } == .closed)
        prepared.release()
        #expect(mirror.roomCount == 0)
        #expect(try await send(Rooms.state(root: 3), to: mirror)["base"] == .null)
    }

    @Test func `a sender that gives up lets the next one go on`() async throws {
        let mirror = StateMirror { _ in }
        _ = try await send(Rooms.state(root: 3), to: mirror)
        do { _ = try await mirror.prepare(Rooms.state(root: 4)) }
        #expect(try await send(Rooms.state(root: 5), to: mirror)["base"] == 3)
    }

    @Test func `the rooms used longest ago are forgotten first`() async throws {
        let forgotten = HostRoot()
        let mirror = StateMirror(limits: .init(entries: 100, bytes: 1 << 30)) { room in
            forgotten.root.withLock { $0 = room }
        }
        for room in 1...4 as ClosedRange<Int64> { _ = try await send(Rooms.state(room: room, root: 25), to: mirror) }
        _ = try await send(Rooms.state(room: 1, root: 25), to: mirror)
        _ = try await send(Rooms.state(room: 5, root: 5), to: mirror)
        #expect(forgotten.root.withLock { $0 } == 2)
        #expect(try await send(Rooms.state(room: 1, root: 25), to: mirror)["base"] == 25)
        #expect(try await send(Rooms.state(room: 2, root: 25), to: mirror)["base"] == .null)
        #expect(forgotten.root.withLock { $0 } == 3)
    }

    @Test func `many senders at once never take the host from where it is not`() async throws {
        let host = HostRoot()
        let mirror = StateMirror { _ in }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let root = Int64((number * 7) % 50)
                    while true {
                        let prepared = try await mirror.prepare(Rooms.state(root: root))
                        defer { prepared.release() }
                        let header = try JSONObject.parse(prepared.header)
                        let delivery = mirror.deliver(prepared) {
                            host.root.withLock { current in
                                if let base = header.integer("base") { #expect(current == base) }
                                current = root
                            }
                            return true
                        }
                        if delivery == .sent { return }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
