/// What a frame of the protocol is: docs/modules/host-protocol.md.
enum FrameKind: UInt8, Sendable {
    case call = 1
    case reply = 2
    case failure = 3
    case cancel = 4
    case data = 5
    case end = 6
    case credit = 7
    case abort = 8
}

/// One frame as it arrived.
struct Frame: Hashable, Sendable {
    var kind: FrameKind
    /// The call the frame belongs to; 0 for a note. Calls begun by the host have the top bit set.
    var call: UInt32
    var body: [UInt8]

    /// The most bytes that may follow the length.
    static let maximumLength = 256 << 20
    /// The bytes of kind and call, which the length counts.
    static let headLength = 5
    /// Marks the numbers of calls that the host begins.
    static let hostBit: UInt32 = 1 << 31
    /// How much the sender of a stream may send before it hears from the receiver.
    static let initialCredit = 262_144
}

/// The other side does not keep to the protocol. The connection cannot be used any more.
struct ProtocolError: Error, Hashable, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

extension [UInt8] {
    mutating func appendBigEndian(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func appendBigEndian(_ value: UInt32) {
        appendBigEndian(UInt16(truncatingIfNeeded: value >> 16))
        appendBigEndian(UInt16(truncatingIfNeeded: value))
    }

    /// Writes a number over the four bytes at `offset`.
    mutating func setBigEndian(_ value: UInt32, at offset: Int) {
        for place in 0..<4 {
            self[offset + place] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * place))
        }
    }
}

extension Collection<UInt8> where Index == Int {
    /// The number in the four bytes at `offset` from the start.
    func bigEndian(at offset: Int) -> UInt32 {
        let start = startIndex + offset
        return self[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
