/// Cuts the bytes of a connection into frames.
///
/// Memory grows with what has arrived, never with what a length announces.
struct FrameDecoder {
    /// Beyond this a buffer is given back once it is empty.
    private static let keptCapacity = 1 << 20

    private var buffer: [UInt8] = []
    private var start = 0

    /// How many bytes wait to become a frame.
    var pending: Int { buffer.count - start }

    /// Takes bytes as they come.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start == buffer.count {
            if buffer.capacity > Self.keptCapacity { buffer = [] } else { buffer.removeAll(keepingCapacity: true) }
            start = 0
        } else if start > 65_536, start * 2 > buffer.count {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole frame; `nil` until more bytes come.
    /// - Throws: ``ProtocolError`` if what came is no frame. Nothing after it can be read.
    mutating func next() throws(ProtocolError) -> Frame? {
        guard pending >= 4 else { return nil }
        let length = Int(buffer[start...].bigEndian(at: 0))
        guard length >= Frame.headLength else { throw ProtocolError("a frame of \(length) bytes") }
        guard length <= Frame.maximumLength else { throw ProtocolError("a frame of \(length) bytes is too long") }
        // A bad kind is found at once, not only when a long frame is complete.
        if pending > 4, FrameKind(rawValue: buffer[start + 4]) == nil {
            throw ProtocolError("a frame of unknown kind \(buffer[start + 4])")
        }
        guard pending >= 4 + length, let kind = FrameKind(rawValue: buffer[start + 4]) else { return nil }
        let call = buffer[start...].bigEndian(at: 5)
        let body = Array(buffer[start + 4 + Frame.headLength..<start + 4 + length])
        start += 4 + length
        return Frame(kind: kind, call: call, body: body)
    }
}
