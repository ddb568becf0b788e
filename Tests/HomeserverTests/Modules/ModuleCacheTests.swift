import ModuleAPI
import Testing

struct ModuleCacheTests {
    private let found = Mutexed<[String]>([])

    private func cache(_ maximumCount: Int = 1_000) -> ModuleCache<String, Int> {
        ModuleCache(named: "test", maximumCount: maximumCount) { [found] key in
            found.update { $0.append(key) }
            return found.value.count
        }
    }

    @Test func `a value is found once`() async throws {
        let cache = cache()
        #expect(try await cache["a"] == 1)
        #expect(try await cache["b"] == 2)
        #expect(try await cache["a"] == 1)
        #expect(cache.count == 2)
    }

    @Test func `those who ask at once share what is found`() async throws {
        let gate = Gate()
        let cache = ModuleCache<String, Int>(named: "test") { [found] key in
            found.update { $0.append(key) }
            await gate.wait()
            return 7
        }
        async let first = cache["a"]
        async let second = cache["a"]
        gate.open()
        #expect(try await [first, second] == [7, 7])
        #expect(found.value == ["a"])
    }

    @Test func `a failure is not kept`() async throws {
        let cache = ModuleCache<String, Int>(named: "test") { [found] key in
            found.update { $0.append(key) }
            if found.value.count == 1 { throw Broken() }
            return 7
        }
        await #expect(throws: Broken.self) { try await cache["a"] }
        #expect(try await cache["a"] == 7)
        #expect(cache.count == 1)
    }

    @Test func `what is invalidated is found anew`() async throws {
        let cache = cache()
        for key in ["a", "b"] { _ = try await cache[key] }
        cache.invalidate("a")
        #expect(try await cache["a"] == 3)
        #expect(try await cache["b"] == 2)
        cache.invalidateAll()
        #expect(try await cache["b"] == 4)
        #expect(cache.count == 1)
    }

    @Test func `what is invalidated while it is found is not kept`() async throws {
        let (entered, leave) = (Gate(), Gate())
        let cache = ModuleCache<String, Int>(named: "test") { [found] key in
            found.update { $0.append(key) }
            if found.value.count == 1 {
                entered.open()
                await leave.wait()
            }
            return found.value.count
        }
        async let first = cache["a"]
        await entered.wait()
        cache.invalidate("a")
        #expect(try await cache["a"] == 2)
        leave.open()
        _ = try await first
        #expect(try await cache["a"] == 2)
    }

    @Test func `the value not asked for the longest goes first`() async throws {
        let cache = cache(2)
        for key in ["a", "b", "a", "c"] { _ = try await cache[key] }
        #expect(cache.count == 2)
        #expect(try await cache["a"] == 1)
        #expect(try await cache["b"] == 4)
    }

    @Test func `often asked for, the cache does not grow`() async throws {
        let cache = cache(3)
        for number in 0..<2_000 { _ = try await cache["\(number % 5)"] }
        #expect(cache.count == 3)
        cache.prefill("x", 9)
        #expect(try await cache["x"] == 9)
        #expect(cache.count == 3)
    }
}
