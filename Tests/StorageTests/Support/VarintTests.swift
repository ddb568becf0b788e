import Testing

@testable import Storage

@Suite struct VarintTests {
    @Test func `integers come back, in as few bytes as they need`() {
        let expected: [(value: Int64, length: Int)] = [
            (0, 1), (1, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 53, 8), (.max, 9), (-1, 10), (.min, 10),
        ]
        for (value, length) in expected {
            var bytes: [UInt8] = []
            Varint.append(value, to: &bytes)
            #expect(bytes.count == length)
            var offset = 0
            #expect(Varint.read(bytes, at: &offset) == value)
            #expect(offset == length)
        }
    }

    @Test func `integers in a row are read one after the other`() {
        let values: [Int64] = [5, 300, 0, 1 << 40]
        var bytes: [UInt8] = []
        for value in values { Varint.append(value, to: &bytes) }
        var offset = 0
        for value in values { #expect(Varint.read(bytes, at: &offset) == value) }
        #expect(Varint.read(bytes, at: &offset) == nil)
    }

    @Test func `bytes that end within an integer, or go on for too long, are none`() {
        for bytes in [[], [0x80], [0xFF, 0xFF], Array(repeating: 0x80, count: 11)] as [[UInt8]] {
            var offset = 0
            #expect(Varint.read(bytes, at: &offset) == nil)
        }
    }
}
