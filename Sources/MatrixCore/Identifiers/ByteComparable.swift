/// A string that is compared, hashed and ordered by its UTF-8 bytes.
///
/// Matrix identifies users, rooms, events, types and keys by bytes. Swift's `String` compares by canonical equivalence,
/// under which two identifiers that differ on the wire can be equal; so nothing that Matrix compares is a bare `String`.
public protocol ByteComparable: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The text as it stands on the wire.
    var string: String { get }
}

extension ByteComparable {
    public static func == (left: Self, right: Self) -> Bool { left.string.hasSameBytes(as: right.string) }
    public static func < (left: Self, right: Self) -> Bool { left.string.precedesInBytes(right.string) }
    public func hash(into hasher: inout Hasher) { string.hashBytes(into: &hasher) }
    public var description: String { string }
}

extension String {
    /// Whether both strings are the same sequence of UTF-8 bytes.
    @inlinable
    public func hasSameBytes(as other: String) -> Bool {
        let (left, right) = (utf8, other.utf8)
        guard left.count == right.count else { return false }
        let fast = left.withContiguousStorageIfAvailable { leftBytes in
            right.withContiguousStorageIfAvailable { rightBytes in leftBytes.elementsEqual(rightBytes) }
        }
        if case .some(.some(let same)) = fast { return same }
        return left.elementsEqual(right)
    }

    /// Whether this string comes before `other` when both are sorted by UTF-8 bytes (which is code point order).
    @inlinable
    public func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// Feeds the UTF-8 bytes to `hasher`.
    @inlinable
    public func hashBytes(into hasher: inout Hasher) {
        let hashed: Void? = utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if hashed == nil { for byte in utf8 { hasher.combine(byte) } }
        hasher.combine(0xFF as UInt8)
    }
}
