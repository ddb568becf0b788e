import MatrixCore

/// A frame being written, whole with its length, so that it goes to the socket as it is.
struct FrameText: Sendable {
    private(set) var bytes: [UInt8]
    private static let jsonLengthOffset = 4 + Frame.headLength
    private static let jsonOffset = jsonLengthOffset + 4

    private init(_ kind: FrameKind, call: UInt32, capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
        bytes.appendBigEndian(UInt32(0))
        bytes.append(kind.rawValue)
        bytes.appendBigEndian(call)
    }

    /// A frame that carries JSON, and behind it an attachment.
    /// - Parameter write: Appends the JSON.
    static func json(
        _ kind: FrameKind, call: UInt32 = 0, attachment: [UInt8] = [], _ write: (inout [UInt8]) -> Void
    ) -> FrameText {
        var frame = FrameText(kind, call: call, capacity: 1_536 + attachment.count)
        frame.bytes.appendBigEndian(UInt32(0))
        write(&frame.bytes)
        frame.bytes.setBigEndian(UInt32(clamping: frame.bytes.count - jsonOffset), at: jsonLengthOffset)
        frame.bytes.append(contentsOf: attachment)
        frame.seal()
        return frame
    }

    /// A call, or with number 0 a note.
    /// - Parameter parameters: Appends the JSON object of the parameters.
    static func call(
        _ method: String, attachment: [UInt8] = [], _ parameters: (inout [UInt8]) -> Void
    ) -> FrameText {
        json(.call, attachment: attachment) { bytes in
            bytes.append(contentsOf: #"{"method":"#.utf8)
            bytes.appendJSONString(method)
            bytes.append(contentsOf: #","params":"#.utf8)
            parameters(&bytes)
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// A frame of a stream, or a cancellation.
    static func plain(_ kind: FrameKind, call: UInt32, _ body: ArraySlice<UInt8> = []) -> FrameText {
        var frame = FrameText(kind, call: call, capacity: 9 + body.count)
        frame.bytes.append(contentsOf: body)
        frame.seal()
        return frame
    }

    static func credit(call: UInt32, _ count: Int) -> FrameText {
        var body: [UInt8] = []
        body.appendBigEndian(UInt32(clamping: count))
        return plain(.credit, call: call, body[...])
    }

    /// Whether the other side would take the frame.
    var isTooLong: Bool { bytes.count - 4 > Frame.maximumLength }

    /// Says which call the frame belongs to, once that is known.
    mutating func setCall(_ number: UInt32) { bytes.setBigEndian(number, at: 5) }

    /// Leaves the first bytes away, which were written already.
    mutating func drop(_ count: Int) { bytes.removeFirst(count) }

    private mutating func seal() { bytes.setBigEndian(UInt32(clamping: bytes.count - 4), at: 0) }
}

/// What a frame with JSON says.
struct FrameMessage: Sendable {
    var json: JSON
    var attachment: ArraySlice<UInt8>

    /// - Throws: ``ProtocolError`` if the body is not as it must be.
    init(_ body: [UInt8]) throws(ProtocolError) {
        guard body.count >= 4 else { throw ProtocolError("a frame without JSON") }
        let length = Int(body.bigEndian(at: 0))
        guard length <= body.count - 4 else { throw ProtocolError("JSON that is longer than its frame") }
        do {
            json = try JSON.parse(body[4..<4 + length])
        } catch {
            throw ProtocolError("a frame with bad JSON: \(error)")
        }
        attachment = body[(4 + length)...]
    }
}
