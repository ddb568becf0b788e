#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// An end of a stream socket.
///
/// Closed when the last holder lets go of it: until then its number belongs to nobody else.
final class Socket: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Two connected ends, neither of which outlives an `exec`.
    static func pair() throws(SystemError) -> (Socket, Socket) {
        var ends: [Int32] = [-1, -1]
        #if canImport(Darwin)
        guard socketpair(AF_UNIX, SOCK_STREAM, 0, &ends) == 0 else { throw SystemError("socketpair") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            var on: Int32 = 1
            setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        #else
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SystemError("socketpair") }
        #endif
        return (Socket(ends[0]), Socket(ends[1]))
    }

    /// Reads what there is, waiting for the first byte. 0 at the end, and if the connection is broken.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }

    enum Written {
        /// So many bytes; fewer than given if the socket takes no more without waiting.
        case bytes(Int)
        case broken
    }

    /// Writes as much as goes: without waiting, or all of it.
    func write(_ bytes: UnsafeRawBufferPointer, waiting: Bool) -> Written {
        #if canImport(Darwin)
        let flags = waiting ? 0 : MSG_DONTWAIT
        #else
        let flags = Int32(MSG_NOSIGNAL) | (waiting ? 0 : Int32(MSG_DONTWAIT))
        #endif
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = send(descriptor, rest.baseAddress, rest.count, flags)
            if count >= 0 {
                written += count
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                if !waiting { break }
            } else if errno != EINTR {
                return .broken
            }
        }
        return .bytes(written)
    }

    /// Ends the connection for both sides; whoever waits in it is woken.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// A call of the operating system that failed.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let code: Int32

    init(_ call: String, code: Int32 = errno) { (self.call, self.code) = (call, code) }

    /// What the system says of the error.
    var reason: String { String(cString: strerror(code)) }
    var description: String { "\(call): \(reason)" }
}
