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

    /// - Parameters:
    ///   - date: The value of the `Date` header.
    ///   - isHead: Whether the request was HEAD, so that the body is left out.
    func write(
        _ reply: Reply, date: String, isHead: Bool, _ persistence: Persistence, _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 512 + (isHead ? 0 : reply.body.count))
        if reply.status == 200, reply.contentType == Reply.jsonType, reply.headers.isEmpty {
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
        let hasBody = reply.status >= 200 && reply.status != 204 && reply.status != 304
        if hasBody {
            buffer.writeStaticString("\r\nContent-Length: ")
            buffer.writeString(String(reply.body.count))
        }
        buffer.writeStaticString("\r\n\r\n")
        if hasBody, !isHead { buffer.writeBytes(reply.body) }
        return buffer
    }

    private func writeHead(_ reply: Reply, into buffer: inout ByteBuffer) {
        let status = HTTPResponseStatus(statusCode: reply.status)
        buffer.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        var headers = standing
        // A redirection or a page may not be kept either: what it says depends on who asks.
        if reply.contentType != nil || reply.status >= 300 { headers.append(Self.cacheControl) }
        if let contentType = reply.contentType { headers.append(("Content-Type", contentType)) }
        for (name, value) in headers {
            let isReplaced = reply.headers.contains { $0.name.lowercased() == name.lowercased() }
            if !isReplaced { Self.writeField(name, value, into: &buffer) }
        }
        for header in reply.headers { Self.writeField(header.name, header.value, into: &buffer) }
    }

    /// Writes one header. A line break in a value would let whoever chose it write headers of their own.
    private static func writeField(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
        buffer.writeString(name)
        buffer.writeStaticString(": ")
        if value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            buffer.writeBytes(value.utf8.filter { $0 >= 0x20 && $0 != 0x7F })
        } else {
            buffer.writeString(value)
        }
        buffer.writeStaticString("\r\n")
    }

    /// Tells a client that it may send its body.
    static let goOn = ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
}
