import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Opens listeners.
struct Binder {
    let group: MultiThreadedEventLoopGroup
    let loops: LoopStates
    let logger: Logger

    /// Opens every address of a listener.
    /// - Throws: ``ListenError`` if one of them cannot be opened; then none stays open.
    func open(_ listener: ActiveListener) async throws -> [(any Channel, BoundListener)] {
        switch listener.listener.place {
        case .unixSocket(let path, let mode): return [try await openSocket(path, mode: mode, listener)]
        case .port(let port, let addresses):
            var opened: [(any Channel, BoundListener)] = []
            do {
                for address in addresses {
                    // With both wildcards, each takes its own protocol; a lone "::" takes both, as it does elsewhere.
                    let isOneOfBoth = addresses.contains("::") && addresses.contains("0.0.0.0")
                    do {
                        opened.append(try await openPort(port, address, onlyIPv6: isOneOfBoth, listener))
                    } catch let error as IOError
                        where isOneOfBoth && address == "::" && [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode)
                    {
                        logger.warning("Listener \(listener.name): this machine has no IPv6; serving 0.0.0.0 only")
                    } catch {
                        throw Self.explain(error, listener.name, address: address, port: port)
                    }
                }
            } catch {
                for (channel, _) in opened { try? await channel.close().get() }
                throw error
            }
            return opened
        }
    }

    private func openPort(
        _ port: Int, _ address: String, onlyIPv6: Bool, _ listener: ActiveListener
    ) async throws -> (any Channel, BoundListener) {
        var bootstrap = bootstrap(listener)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        if onlyIPv6, address.utf8.contains(UInt8(ascii: ":")) {
            bootstrap = bootstrap.serverChannelOption(.socketOption(.ipv6_v6only), value: 1)
        }
        let channel = try await bootstrap.bind(host: address, port: port).get()
        let bound = BoundListener(
            name: listener.name, address: channel.localAddress?.ipAddress ?? address, port: channel.localAddress?.port,
            isTLS: listener.certificate != nil)
        return (channel, bound)
    }

    private func openSocket(
        _ path: String, mode: UInt16, _ listener: ActiveListener
    ) async throws -> (any Channel, BoundListener) {
        do {
            let channel = try await bootstrap(listener)
                .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            guard chmod(path, mode_t(mode)) == 0 else {
                let code = errno
                try? await channel.close().get()
                throw IOError(errnoCode: code, reason: "chmod")
            }
            return (channel, BoundListener(name: listener.name, address: path, port: nil, isTLS: false))
        } catch {
            throw Self.explain(error, listener.name, socket: path)
        }
    }

    private func bootstrap(_ listener: ActiveListener) -> ServerBootstrap {
        let connections = listener.connections
        let loops = loops
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(connections))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.setUp(channel, listener, loops) }
            }
    }

    private static func setUp(_ channel: any Channel, _ listener: ActiveListener, _ loops: LoopStates) throws {
        guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
        }
        let pipeline = channel.pipeline.syncOperations
        if let certificate = listener.certificate {
            try pipeline.addHandler(NIOSSLServerHandler(context: certificate.context))
        }
        var limits = NIOHTTPDecoderLimitConfiguration()
        let maximum = listener.configuration.maximumHeaderBytes
        limits.maxHeaderFieldSize = maximum
        limits.maxHeaderListSize = maximum
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        try pipeline.addHandler(ByteToMessageHandler(decoder, maximumBufferSize: maximum))
        try pipeline.addHandler(ConnectionHandler(listener, loop))
    }

    /// Removes the file of a Unix socket that is closed.
    static func removeSocket(_ path: String) { unlink(path) }

    private static func explain(_ error: any Error, _ name: String, address: String, port: Int) -> ListenError {
        let place = address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]:\(port)" : "\(address):\(port)"
        let fix: String
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            fix = """
                Another program uses that port ("ss -ltnp 'sport = :\(port)'" shows which): stop it, or give the listener \
                another port in "listeners".
                """
        case EACCES:
            fix = """
                Ports below 1024 are reserved: choose another in "listeners" and put a reverse proxy before it, or allow it \
                with AmbientCapabilities=CAP_NET_BIND_SERVICE in systemd.
                """
        case EADDRNOTAVAIL, EAFNOSUPPORT:
            fix = "This machine has no such address: correct bind_addresses in \"listeners\"."
        default: fix = "Check port and bind_addresses in \"listeners\"."
        }
        return ListenError(description: "Listener \(name) cannot listen on \(place): \(reason(error)). \(fix)")
    }

    private static func explain(_ error: any Error, _ name: String, socket path: String) -> ListenError {
        let fix: String
        switch (error as? IOError)?.errnoCode {
        case ENOENT: fix = "Its directory does not exist: create it, or correct path in \"listeners\"."
        case EACCES, EPERM:
            fix = "This user may not write to its directory: change its owner, or correct path in \"listeners\"."
        case ENAMETOOLONG: fix = "A socket's path has at most 107 bytes: choose a shorter one in \"listeners\"."
        default: fix = "Check path in \"listeners\"; a file that is no socket is not replaced."
        }
        return ListenError(
            description: "Listener \(name) cannot listen on the socket \(path): \(reason(error)). \(fix)")
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError, let text = strerror(error.errnoCode) else { return "\(error)" }
        return String(cString: text)
    }
}
