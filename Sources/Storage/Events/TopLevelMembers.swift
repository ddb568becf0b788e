/// Finds the members of a stored event's JSON object without building a tree.
///
/// The bytes are canonical JSON of our own writing, so they are known to be well formed; anything else ends the scan.
struct TopLevelMembers {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        offset = 1
    }

    /// The next member's key and value as ranges of bytes; the key's range excludes its quotation marks.
    mutating func next() -> (key: Range<Int>, value: Range<Int>)? {
        guard offset < bytes.count, bytes[offset] != UInt8(ascii: "}") else { return nil }
        if bytes[offset] == UInt8(ascii: ",") { offset += 1 }
        let keyStart = offset + 1
        skipString()
        let key = keyStart..<offset - 1
        offset += 1
        let valueStart = offset
        skipValue()
        guard offset <= bytes.count, key.lowerBound <= key.upperBound else { return nil }
        return (key, valueStart..<offset)
    }

    private mutating func skipString() {
        offset += 1
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
            offset += bytes[offset] == UInt8(ascii: "\\") ? 2 : 1
        }
        offset += 1
    }

    private mutating func skipValue() {
        var depth = 0
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                skipString()
                if depth == 0 { return }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
                if depth == 0 {
                    offset += 1
                    return
                }
            case UInt8(ascii: ","): if depth == 0 { return }
            default: break
            }
            offset += 1
        }
    }
}
