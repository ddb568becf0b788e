import MatrixCore
import NIOCore
import NIOHTTP1

/// Writes answers as they go over the wire: head and body in one buffer, so one system call sends both.
struct AnswerWriter: Sendable {
    /// How the connection goes on after an answer.
    enum Persistence {
        case keep
        /// An HTTP/1.0 client must be told that the connection stays.
        case keepAndSaySo
        case close
    }

    private static let cors = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization, Date"),
        ("Access-Control-Expose-Headers", "Synapse-Trace-Id, Server"),
    ]
    private static let cacheControl = ("Cache-Control", "no-cache, no-store, must-revalidate")

    private let standing: [(name: String, value: String)]
    /// The start of most answers, ready to be copied: 200, JSON, every header but those that differ each time.
    private let usualHead: [UInt8]

    init(version: String) {
        standing = [("Server", "Axolemma/\(version)")] + Self.cors
        var usual = ByteBuffer()
        usual.writeString("HTTP/1.1 200 OK\r\n")
        for (name, value) in standing + [Self.cacheControl, ("Content-Type", Reply.jsonType)] {
            usual.writeString("\(name): \(value)\r\n")
        }
        usualHead = Array(usual.readableBytesView)
    }

    /// Writes an answer whose body is there.
    /// - Parameters:
    ///   - date: The value of the `Date` header.
    ///   - isHead: Whether the request was HEAD, so that the body is left out.
    func write(
        _ reply: Reply, _ body: [UInt8], date: String, isHead: Bool, _ persistence: Persistence,
        _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 512 + (isHead ? 0 : body.count))
        writeHead(reply, date: date, persistence, into: &buffer)
        let hasBody = Framing.hasBody(reply.status)
        if hasBody {
            // Who answers HEAD without the body may still say how long it would be.
            let isLeftOut = isHead && body.isEmpty
            let length = isLeftOut ? Framing.announcedLength(reply) ?? 0 : body.count
            buffer.writeStaticString("\r\nContent-Length: ")
            buffer.writeString(String(length))
        }
        buffer.writeStaticString("\r\n\r\n")
        if hasBody, !isHead { buffer.writeBytes(body) }
        return buffer
    }

    /// Writes the head of an answer whose body follows in pieces.
    func head(
        _ reply: Reply, date: String, _ framing: Framing, _ persistence: Persistence, _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 512)
        writeHead(reply, date: date, persistence, into: &buffer)
        switch framing {
        case .length(let length): buffer.writeString("\r\nContent-Length: \(length)")
        case .chunked: buffer.writeStaticString("\r\nTransfer-Encoding: chunked")
        case .none:
            if Framing.hasBody(reply.status), let length = Framing.announcedLength(reply) {
                buffer.writeString("\r\nContent-Length: \(length)")
            }
        case .close: break
        }
        buffer.writeStaticString("\r\n\r\n")
        return buffer
    }

    /// Writes a piece of a body.
    func piece(_ bytes: [UInt8], _ framing: Framing, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: bytes.count + 16)
        if framing == .chunked {
            buffer.writeString(String(bytes.count, radix: 16))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeBytes(bytes)
        if framing == .chunked { buffer.writeStaticString("\r\n") }
        return buffer
    }

    /// What comes after the last piece of a body in chunks.
    static let lastChunk = ByteBuffer(staticString: "0\r\n\r\n")

    /// Writes status line and headers, but neither the length nor the empty line after them.
    private func writeHead(
        _ reply: Reply, date: String, _ persistence: Persistence, into buffer: inout ByteBuffer
    ) {
        if reply.status == 200, reply.contentType == Reply.jsonType, reply.headers.isEmpty, reply.added == .standard {
            buffer.writeBytes(usualHead)
        } else {
            writeHead(reply, into: &buffer)
        }
        buffer.writeStaticString("Date: ")
        buffer.writeString(date)
        switch persistence {
        case .keep: break
        case .keepAndSaySo: buffer.writeStaticString("\r\nConnection: keep-alive")
        case .close: buffer.writeStaticString("\r\nConnection: close")
        }
    }

    private func writeHead(_ reply: Reply, into buffer: inout ByteBuffer) {
        let status = HTTPResponseStatus(statusCode: reply.status)
        buffer.writeString("HTTP/1.1 \(status.code) ")
        Self.writeText(reply.reason ?? status.reasonPhrase, into: &buffer)
        buffer.writeStaticString("\r\n")
        if reply.added == .verbatim { return writeVerbatim(reply, into: &buffer) }
        var headers = standing
        // A redirection or a page may not be kept either: what it says depends on who asks.
        if reply.contentType != nil || reply.status >= 300 { headers.append(Self.cacheControl) }
        if let contentType = reply.contentType { headers.append(("Content-Type", contentType)) }
        for (name, value) in headers {
            let isReplaced = reply.headers.contains { $0.name.lowercased() == name.lowercased() }
            if !isReplaced { Self.writeField(name, value, into: &buffer) }
        }
        for header in reply.headers where !Self.isOfFraming(header.name) {
            Self.writeField(header.name, header.value, into: &buffer)
        }
    }

    private func writeVerbatim(_ reply: Reply, into buffer: inout ByteBuffer) {
        Self.writeField(standing[0].name, standing[0].value, into: &buffer)
        if let contentType = reply.contentType { Self.writeField("Content-Type", contentType, into: &buffer) }
        for header in reply.headers where !Self.isOfFraming(header.name) {
            let isOurs = header.name.isSameHeader(as: "server") || header.name.isSameHeader(as: "date")
            if !isOurs, Self.isToken(header.name) { Self.writeField(header.name, header.value, into: &buffer) }
        }
    }

    /// Whether a header says how the body is delimited or how the connection goes on, which only the server knows.
    private static func isOfFraming(_ name: String) -> Bool {
        switch name.utf8.count {
        case 7: name.isSameHeader(as: "upgrade") || name.isSameHeader(as: "trailer")
        case 10: name.isSameHeader(as: "connection") || name.isSameHeader(as: "keep-alive")
        case 14: name.isSameHeader(as: "content-length")
        case 17: name.isSameHeader(as: "transfer-encoding")
        default: false
        }
    }

    /// Whether `name` can be the name of a header, [RFC 9110 §5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
    private static func isToken(_ name: String) -> Bool {
        let isLegal: (UInt8) -> Bool = { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
        return !name.isEmpty && name.utf8.allSatisfy(isLegal)
    }

    /// Writes one header. A line break in a value would let whoever chose it write headers of their own.
    private static func writeField(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
        buffer.writeString(name)
        buffer.writeStaticString(": ")
        writeText(value, into: &buffer)
        buffer.writeStaticString("\r\n")
    }

    private static func writeText(_ text: String, into buffer: inout ByteBuffer) {
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            buffer.writeBytes(text.utf8.filter { $0 >= 0x20 && $0 != 0x7F })
        } else {
            buffer.writeString(text)
        }
    }

    /// Tells a client that it may send its body.
    static let goOn = ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
}
