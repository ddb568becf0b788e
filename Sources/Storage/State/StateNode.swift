/// One node of a state trie. Immutable.
///
/// Keys are spread by a hash, five bits a level. A subtree of at most ``leafCapacity`` entries is one leaf, a larger one a
/// branch; so a set of entries has exactly one form, and equal states have equal roots.
final class StateNode: Sendable {
    static let leafCapacity = 32
    static let bitsPerLevel = 5

    enum Body: Sendable {
        /// Entries sorted by key.
        case leaf(keys: [Int64], values: [Int64])
        /// Children in the order of their bits in `bitmap`.
        case branch(count: Int, bitmap: UInt32, children: [Int64])
    }

    let body: Body

    init(_ body: Body) { self.body = body }

    /// How many entries the subtree holds.
    var count: Int {
        switch body {
        case .leaf(let keys, _): keys.count
        case .branch(let count, _, _): count
        }
    }

    /// Which child of a branch at `depth` holds `key`.
    static func slot(of key: Int64, depth: Int) -> Int {
        Int(truncatingIfNeeded: spread(key) >> UInt64(depth * bitsPerLevel)) & 31
    }

    /// The finalizer of SplitMix64: neighbouring numbers land in unrelated places.
    private static func spread(_ key: Int64) -> UInt64 {
        var value = UInt64(bitPattern: key) &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    func encoded() -> [UInt8] {
        var output: [UInt8] = []
        switch body {
        case .leaf(let keys, let values):
            output.append(0)
            Varint.append(Int64(keys.count), to: &output)
            var previous: Int64 = 0
            for (key, value) in zip(keys, values) {
                Varint.append(key - previous, to: &output)
                Varint.append(value, to: &output)
                previous = key
            }
        case .branch(let count, let bitmap, let children):
            output.append(1)
            Varint.append(Int64(count), to: &output)
            Varint.append(Int64(bitmap), to: &output)
            for child in children { Varint.append(child, to: &output) }
        }
        return output
    }

    /// Reads a stored node; `nil` if the bytes are damaged.
    convenience init?(encoded bytes: [UInt8]) {
        var offset = 1
        guard let kind = bytes.first, let count = Varint.read(bytes, at: &offset) else { return nil }
        if kind == 0 {
            guard (0...Int64(Self.leafCapacity)).contains(count) else { return nil }
            var keys: [Int64] = []
            var values: [Int64] = []
            var previous: Int64 = 0
            for _ in 0..<count {
                guard let step = Varint.read(bytes, at: &offset), let value = Varint.read(bytes, at: &offset)
                else { return nil }
                previous &+= step
                keys.append(previous)
                values.append(value)
            }
            self.init(.leaf(keys: keys, values: values))
        } else {
            guard let bits = Varint.read(bytes, at: &offset) else { return nil }
            let bitmap = UInt32(truncatingIfNeeded: bits)
            var children: [Int64] = []
            for _ in 0..<bitmap.nonzeroBitCount {
                guard let child = Varint.read(bytes, at: &offset) else { return nil }
                children.append(child)
            }
            self.init(.branch(count: Int(count), bitmap: bitmap, children: children))
        }
    }
}
