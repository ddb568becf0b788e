import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct StateKeyTests {
    @Test(arguments: Engine.available)
    func `a key has one number, and the number the key`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let keys = [
                StateKey(.topic), StateKey(.name), StateKey(.topic, "x"), StateKey("", ""),
                StateKey("x", "m.room.topic"),
                StateKey(.topic, "caf\u{e9}"), StateKey(.topic, "cafe\u{301}"), StateKey(.topic, "X"),
                StateKey("t'\"; --", "😀"), .member(alice),
            ]
            let numbers = try await storage.write { stores in try keys.map { try stores.intern($0) } }
            #expect(Set(numbers).count == keys.count)
            #expect(try await storage.write { stores in try keys.map { try stores.intern($0) } } == numbers)
            for fresh in [storage, try await storage.restarted()] {
                try await fresh.read { stores throws in
                    for (key, number) in zip(keys, numbers) {
                        #expect(try stores.number(of: key) == number)
                        #expect(try stores.key(number) == key)
                    }
                    #expect(try stores.number(of: StateKey(.topic, "unknown")) == nil)
                    #expect(try stores.userNumber(alice) == numbers.last)
                    #expect(try stores.user(numbers[numbers.count - 1]) == alice)
                    #expect(throws: StorageError.self) { try stores.key(1_000_000) }
                }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a number that was rolled back is in no cache`(engine: Engine) async throws {
        try await withStorage(engine) { storage async throws in
            await #expect(throws: ChangeOfMind.self) {
                try await storage.write { stores in
                    let number = try stores.intern(StateKey(.topic))
                    // Within the transaction it holds.
                    #expect(try stores.key(number) == StateKey(.topic))
                    throw ChangeOfMind()
                }
            }
            #expect(storage.caches.keyNumbers.count == 0)
            #expect(storage.caches.keys.count == 0)
            #expect(try await storage.read { try $0.number(of: StateKey(.topic)) } == nil)
        }
    }
}
