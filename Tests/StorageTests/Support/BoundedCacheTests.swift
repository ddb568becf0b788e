import Storage
import Testing

@Suite struct BoundedCacheTests {
    @Test func `what is put in is found until it is removed`() {
        let cache = BoundedCache<String, Int>(limit: 10)
        #expect(cache["a"] == nil)
        cache.insert(1, for: "a")
        cache.insert(2, for: "b")
        #expect(cache.values(of: ["b", "c", "a"]) == [2, nil, 1])
        cache.insert(3, for: "a")
        #expect(cache["a"] == 3)
        cache.remove("a")
        cache.remove("c")
        #expect(cache["a"] == nil)
        #expect(cache.count == 1)
        cache.removeAll()
        #expect(cache["b"] == nil)
        #expect(cache.count == 0)
    }

    @Test func `what was used stays longer than what was not`() {
        let cache = BoundedCache<Int, Int>(limit: 4)
        for key in 1...4 { cache.insert(key, for: key) }
        #expect(cache[3] == 3)
        for key in 5...7 { cache.insert(key, for: key) }
        #expect(cache[3] == 3)
        #expect(cache.count == 4)
    }

    @Test func `an entry that costs more than all may is not kept`() {
        let cache = BoundedCache<Int, Int>(limit: 4)
        cache.insert(1, for: 1)
        cache.insert(2, for: 2, cost: 5)
        #expect(cache[2] == nil)
        cache.insert(3, for: 3, cost: 4)
        #expect(cache[3] == 3)
    }

    @Test func `an entry that grew counts for what it costs now`() {
        let cache = BoundedCache<Int, String>(limit: 10)
        for key in 0..<10 { cache.insert("\(key)", for: key) }
        #expect(cache[3] == "3")
        cache.setCost(6, of: 3)
        #expect(cache.count == 5)
        cache.setCost(5, of: 99)
        cache.setCost(11, of: 3)
        #expect(cache[3] == nil)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `whatever is done, what is held was put in last and costs at most the limit`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let limit = 50
        let cache = BoundedCache<Int, Int>(limit: limit)
        var latest: [Int: (value: Int, cost: Int)] = [:]
        for step in 0..<2_000 {
            let key = generator.below(40)
            switch generator.below(10) {
            case 0:
                cache.remove(key)
                latest[key] = nil
            case 1...4:
                let cost = 1 + generator.below(12)
                cache.insert(step, for: key, cost: cost)
                latest[key] = (step, cost)
            default:
                let held = cache[key]
                #expect(held == nil || held == latest[key]?.value)
            }
            guard step % 100 == 0 else { continue }
            let held = latest.filter { cache[$0.key] != nil }
            #expect(held.count == cache.count)
            #expect(held.values.reduce(0) { $0 + $1.cost } <= limit)
        }
    }
}
