#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Tells systemd how the server is doing, for units with `Type=notify` or `Type=notify-reload`.
///
/// The protocol is a datagram of `NAME=value` lines to the socket named by `NOTIFY_SOCKET`:
/// [sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Without that variable, and where
/// the socket cannot be reached, nothing happens: no service depends on being able to tell.
struct ServiceNotifier: Sendable {
    private let address: String?

    /// - Parameter address: The socket's path, or a name after `@` for one outside the file system.
    init(address: String?) { self.address = address }

    /// Tells the service manager that started this process.
    init() { self.init(address: getenv("NOTIFY_SOCKET").map { String(cString: $0) }) }

    /// The server answers requests, or does so again after ``reloading()``.
    func ready() { send("READY=1") }

    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1000)")
    }

    func stopping() { send("STOPPING=1") }

    /// A line for `systemctl status`.
    func status(_ text: String) { send("STATUS=\(text)") }

    /// - Returns: Whether the message was sent.
    @discardableResult
    func send(_ message: String) -> Bool {
        guard let address, var socketAddress = Self.socketAddress(address) else { return false }
        #if canImport(Darwin)
        let type = SOCK_DGRAM
        #else
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        #endif
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count + (address.hasPrefix("@") ? 0 : 1))
        let bytes = Array(message.utf8)
        let sent = withUnsafePointer(to: &socketAddress) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, length)
            }
        }
        return sent == bytes.count
    }

    private static func socketAddress(_ address: String) -> sockaddr_un? {
        var result = sockaddr_un()
        result.sun_family = sa_family_t(AF_UNIX)
        var path = Array(address.utf8)
        guard let first = path.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            path.count < MemoryLayout.size(ofValue: result.sun_path)
        else { return nil }
        // The kernel writes the names outside the file system with a zero in front.
        if first == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &result.sun_path) { $0.copyBytes(from: path) }
        return result
    }
}
