import MatrixCore
import Testing

@testable import Homeserver

@Suite struct SupportTests {
    @Test func `random text has the letters and length asked for`() {
        for count in [0, 1, 10, 1000] {
            #expect(RandomSource.system.letters(count).utf8.count == count)
            #expect(RandomSource.system.bytes(count).count == count)
        }
        #expect(RandomSource.system.capitals(500).utf8.allSatisfy { (0x41...0x5A).contains($0) })
        #expect(RandomSource.system.digits(500).utf8.allSatisfy { (0x30...0x39).contains($0) })
        #expect(Set(RandomSource.system.letters(5000).utf8).count == 52)
    }

    @Test func `letters follow from the bytes, leaving out those that would favor some`() {
        let bytes = RandomSource { Array(repeating: 0xFF, count: $0 - 1) + [1] }
        #expect(bytes.letters(3) == "BBB")
    }

    @Test func `a generational cache keeps what is used and stays within its limit`() {
        var cache = GenerationalCache<Int, Int>(limit: 100)
        for number in 0..<10_000 {
            cache.store(number, for: number)
            #expect(cache.value(for: 0) == 0)
            #expect(cache.count <= 100)
        }
        #expect(cache.value(for: 9_999) == 9_999)
        #expect(cache.value(for: 1) == nil)
        cache.removeAll { $0 > 9_990 }
        #expect(cache.value(for: 9_999) == nil)
        #expect(cache.value(for: 0) == 0)
        cache.remove(0)
        #expect(cache.value(for: 0) == nil)
    }

    @Test func `comparison in constant time compares`() {
        #expect(constantTimeEqual("abc".utf8, "abc".utf8))
        #expect(!constantTimeEqual("abc".utf8, "abd".utf8))
        #expect(!constantTimeEqual("abc".utf8, "ab".utf8))
        #expect(constantTimeEqual([], []))
    }

    @Test func `times move by whole milliseconds`() {
        #expect(Timestamp(milliseconds: 5).advanced(by: .microseconds(1_999)) == Timestamp(milliseconds: 6))
        #expect(TimeSource.system.now().milliseconds > 1_700_000_000_000)
    }
}
