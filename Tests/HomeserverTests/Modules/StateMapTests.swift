import MatrixCore
import ModuleAPI
import Testing

struct StateMapTests {
    private let create = event(type: .create, stateKey: "")
    private let topic = event(type: .topic, stateKey: "")

    @Test func `an entry is read when asked for, once`() async throws {
        let read = Mutexed<[StateKey]>([])
        let map = StateMap(
            load: { [create] key in
                read.update { $0.append(key) }
                return key == .create ? create : nil
            }, loadAll: { throw Broken() })
        #expect(read.value.isEmpty)
        for _ in 1...2 {
            #expect(try await map[.create] === create)
            #expect(try await map[.topic, ""] == nil)
        }
        #expect(read.value == [.create, StateKey(.topic)])
    }

    @Test func `once everything was read nothing is read again`() async throws {
        let reads = Mutexed(0)
        let map = StateMap(
            load: { _ in throw Broken() },
            loadAll: { [create, topic] in
                reads.update { $0 += 1 }
                return [.create: create, StateKey(.topic): topic]
            })
        #expect(try await map.all().count == 2)
        #expect(try await map.all().count == 2)
        #expect(try await map[.create] === create)
        #expect(try await map[.powerLevels] == nil)
        #expect(reads.value == 1)
    }

    @Test func `an error of storage reaches the callback, and the next attempt reads again`() async throws {
        let attempts = Mutexed(0)
        let map = StateMap(
            load: { _ in
                attempts.update { $0 += 1 }
                if attempts.value == 1 { throw Broken() }
                return nil
            }, loadAll: { [:] })
        await #expect(throws: Broken.self) { try await map[.create] }
        #expect(try await map[.create] == nil)
    }

    @Test func `two states of one room can be compared, others cannot`() async throws {
        let (asked, topic) = (Mutexed<[StateVersion]>([]), topic)
        let map = StateMap(
            load: { _ in nil }, loadAll: { [:] }, version: StateVersion(room: 1, root: 5),
            changes: { other in
                asked.update { $0.append(other) }
                return other.root == 9 ? nil : [StateKey(.topic): topic, StateKey(.name): Event?.none]
            })
        let changes = try #require(try await map.changes(since: StateVersion(room: 1, root: 4)))
        #expect(changes.count == 2)
        #expect(changes[StateKey(.topic)] == .some(topic))
        #expect(changes[StateKey(.name)] == .some(nil))
        #expect(try await map.changes(since: StateVersion(room: 1, root: 5)) == [:])
        #expect(try await map.changes(since: StateVersion(room: 1, root: 9)) == nil)
        #expect(try await map.changes(since: StateVersion(room: 2, root: 4)) == nil)
        #expect(asked.value.map(\.root) == [4, 9])
        #expect(try await StateMap().changes(since: StateVersion(room: 1, root: 5)) == nil)
    }
}
