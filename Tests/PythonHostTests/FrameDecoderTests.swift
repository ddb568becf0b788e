import MatrixCore
import Testing

@testable import PythonHost

@Suite struct FrameDecoderTests {
    private static func bytes(_ frame: Frame) -> [UInt8] {
        var text = FrameText.plain(frame.kind, call: frame.call, frame.body[...])
        text.setCall(frame.call)
        return text.bytes
    }

    private static func push(_ bytes: some Collection<UInt8>, into decoder: inout FrameDecoder) {
        Array(bytes).withUnsafeBytes { decoder.append($0) }
    }

    @Test func `frames come out as they went in, however the bytes are cut`() throws {
        var generator = SystemRandomNumberGenerator()
        let frames: [Frame] = (0..<300).map { number in
            let length = number % 50 == 0 ? 200_000 : Int.random(in: 0...300, using: &generator)
            let kind = FrameKind(rawValue: UInt8.random(in: 1...8, using: &generator)) ?? .call
            return Frame(
                kind: kind, call: UInt32.random(in: 0...UInt32.max, using: &generator),
                body: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
        let stream = frames.flatMap(Self.bytes)
        for pieces in [1, 7, 4_096, 65_536, stream.count] {
            var decoder = FrameDecoder()
            var decoded: [Frame] = []
            var offset = 0
            // Byte by byte takes long; the first frames will do.
            let end = pieces == 1 ? 200_000 : stream.count
            while offset < end {
                Self.push(stream[offset..<min(offset + pieces, end)], into: &decoder)
                offset += pieces
                while let frame = try decoder.next() { decoded.append(frame) }
            }
            #expect(decoded == Array(frames.prefix(decoded.count)))
            #expect(pieces == 1 || decoded.count == frames.count)
        }
    }

    @Test func `a length that is too small or too large is refused`() {
        for length in [0, 4, UInt32(Frame.maximumLength + 1), UInt32.max] as [UInt32] {
            var decoder = FrameDecoder()
            var bytes: [UInt8] = []
            bytes.appendBigEndian(length)
            Self.push(bytes, into: &decoder)
            #expect(throws: ProtocolError.self) { try decoder.next() }
        }
    }

    @Test func `an unknown kind is refused before the frame is complete`() {
        for kind in [0, 9, 255] as [UInt8] {
            var decoder = FrameDecoder()
            Self.push([0, 1, 0, 0, kind], into: &decoder)
            #expect(throws: ProtocolError.self) { try decoder.next() }
        }
    }

    @Test func `nonsense ends in an error or in waiting, never in a crash`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var decoder = FrameDecoder()
            let noise = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            Self.push(noise, into: &decoder)
            do {
                while let frame = try decoder.next() { _ = try? FrameMessage(frame.body) }
            } catch {}
        }
    }

    @Test func `a frame with JSON keeps its attachment apart`() throws {
        let text = FrameText.json(.reply, call: 7, attachment: [1, 2, 3]) { $0.append(contentsOf: #"{"a":1}"#.utf8) }
        var decoder = FrameDecoder()
        Self.push(text.bytes, into: &decoder)
        let frame = try #require(try decoder.next())
        #expect(frame.kind == .reply)
        #expect(frame.call == 7)
        let message = try FrameMessage(frame.body)
        #expect(message.json == ["a": 1])
        #expect(Array(message.attachment) == [1, 2, 3])
        #expect(decoder.pending == 0)
    }

    @Test func `JSON that is cut off, too long or no JSON is refused`() {
        for body in [[], [0, 0, 0], [0, 0, 0, 5, 1], [0xFF, 0xFF, 0xFF, 0xFF, 1], [0, 0, 0, 1, 0x7B]] as [[UInt8]] {
            #expect(throws: ProtocolError.self) { try FrameMessage(body) }
        }
    }
}
