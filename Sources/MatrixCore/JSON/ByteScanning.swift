/// Loops over bytes that look at eight of them at a time, for the paths every event takes several times.
enum ByteScanning {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// The high bit of every byte that JSON does not let stand in a string as it is: quotation mark, backslash, control
    /// character. Exact for the first such byte; later bytes may be marked by mistake.
    private static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let found = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word
        return found & highBits
    }

    /// Where the first special byte of `bytes` at or after `start` stands; the count if there is none. `isASCII` becomes
    /// false if a byte before it is none.
    static func firstSpecial(in bytes: UnsafeRawBufferPointer, from start: Int, isASCII: inout Bool) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let found = special(word)
            if found != 0 {
                let position = found.trailingZeroBitCount & ~7
                if word & highBits & (1 << UInt64(position) &- 1) != 0 { isASCII = false }
                return index + position / 8
            }
            if word & highBits != 0 { isASCII = false }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { return index }
            if byte >= 0x80 { isASCII = false }
            index += 1
        }
        return index
    }

    /// Whether both hold the same bytes.
    static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        var index = 0
        while index + 8 <= left.count {
            let leftWord = left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if leftWord != right.loadUnaligned(fromByteOffset: index, as: UInt64.self) { return false }
            index += 8
        }
        while index < left.count {
            if left[index] != right[index] { return false }
            index += 1
        }
        return true
    }

    /// Whether `left` sorts before `right`.
    static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        let shared = min(left.count, right.count)
        var index = 0
        while index + 8 <= shared {
            let leftWord = UInt64(bigEndian: left.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let rightWord = UInt64(bigEndian: right.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            if leftWord != rightWord { return leftWord < rightWord }
            index += 8
        }
        while index < shared {
            if left[index] != right[index] { return left[index] < right[index] }
            index += 1
        }
        return left.count < right.count
    }
}

extension String {
    /// Calls `body` with the string's bytes.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) { return result }
        return Array(utf8).withUnsafeBytes(body)
    }
}
