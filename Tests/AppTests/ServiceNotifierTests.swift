import Foundation
import Testing

@testable import App

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct ServiceNotifierTests {
    /// A datagram socket bound to `path`.
    func socket(at path: String) -> Int32 {
        #if canImport(Darwin)
        let type = SOCK_DGRAM
        #else
        let type = Int32(SOCK_DGRAM.rawValue)
        #endif
        let descriptor = systemSocket(AF_UNIX, type, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? descriptor : -1
    }

    func receive(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func `the service manager is told`() throws {
        let directory = try TemporaryDirectory()
        let descriptor = socket(at: directory.path + "/s")
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let notifier = ServiceNotifier(address: directory.path + "/s")
        notifier.ready()
        #expect(receive(descriptor) == "READY=1")
        notifier.reloading()
        #expect(receive(descriptor).hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        notifier.status("Serving 3 users")
        #expect(receive(descriptor) == "STATUS=Serving 3 users")
        notifier.stopping()
        #expect(receive(descriptor) == "STOPPING=1")
    }

    @Test(arguments: [nil, "", "relative", "/nowhere/socket", "@\(String(repeating: "a", count: 200))"])
    func `without a service manager nothing happens`(address: String?) {
        #expect(!ServiceNotifier(address: address).send("READY=1"))
    }
}

/// `socket(2)`, which the method of that name would hide.
private func systemSocket(_ domain: Int32, _ type: Int32, _ proto: Int32) -> Int32 { socket(domain, type, proto) }
