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
    public func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return withBytes { left in other.withBytes { right in ByteScanning.areEqual(left, right) } }
    }

    /// Whether this string comes before `other` when both are sorted by UTF-8 bytes (which is code point order).
    public func precedesInBytes(_ other: String) -> Bool {
        withBytes { left in other.withBytes { right in ByteScanning.precedes(left, right) } }
    }

    /// Feeds the UTF-8 bytes to `hasher`.
    public func hashBytes(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
        hasher.combine(0xFF as UInt8)
    }
}
