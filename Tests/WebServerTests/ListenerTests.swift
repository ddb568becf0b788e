import Foundation
import MatrixCore
import NIOCore
import NIOPosix
import NIOSSL
import TestSupport
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    private var address: Endpoint {
        .get("/address", .anyone) {
            .json(["address": .string($0.clientAddress), "id": .string($0.requestID)])
        }
    }

    private static func temporaryDirectory() throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("listeners-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    @Test func `only a proxy's word is taken for a client's address`() async throws {
        let listeners = [Listener.free(trustsForwardedFor: true, requestIDHeader: "X-Request-ID"), .free()]
        try await withServer([address], listeners: listeners) { server in
            let headers = [("X-Forwarded-For", " 192.0.2.7 , 10.0.0.1"), ("X-Request-ID", "abc")]
            let behindProxy = try await server.client.get("/address", headers: headers)
            #expect(behindProxy.json == ["address": "192.0.2.7", "id": "abc"])
            let open = HTTPClient(port: try #require(server.bound.last?.port))
            let answer = try await open.get("/address", headers: headers)
            #expect(answer.json == ["address": "127.0.0.1", "id": "GET-2"])
        }
    }

    @Test func `a listener serves the resources it names, and health`() async throws {
        let endpoints: [Endpoint] = [
            .get("/_matrix/client/versions", .anyone) { _ in .json([:]) },
            .get("/_matrix/federation/v1/version", .anyone) { _ in .json([:]) },
            .get("/_matrix/key/v2/server", .anyone) { _ in .json([:]) },
        ]
        let listeners = [
            Listener.free(resources: [.client]), .free(resources: [.federation]), .free(resources: [.metrics]),
        ]
        try await withServer(endpoints, listeners: listeners) { server in
            let paths = endpoints.map(\.path) + ["/_synapse/metrics", "/health"]
            var served: [[Bool]] = []
            for bound in server.bound {
                let client = HTTPClient(port: try #require(bound.port))
                var row: [Bool] = []
                for path in paths { row.append(try await client.get(path).status == 200) }
                served.append(row)
            }
            #expect(
                served == [
                    [true, false, false, false, true], [false, true, true, false, true],
                    [false, false, false, true, true],
                ])
            #expect(try await server.client.get("/health").text == "OK")
        }
    }

    @Test func `a Unix socket has the mode it is given, and goes when the server does`() async throws {
        let directory = try Self.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("main.sock").path
        let listener = Listener(place: .unixSocket(path: path, mode: 0o660), resources: [.client])
        for _ in 0..<2 {
            try await withServer([address], listeners: [listener]) { server in
                #expect(server.bound.map(\.address) == [path])
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(mode == 0o660)
                let answer = try await HTTPClient(.unixSocket(path)).get("/address")
                #expect(answer.json.string("address") == "")
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func `a certificate can be replaced while the server runs`() async throws {
        let directory = try Self.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let files = Listener.TLS(
            certificateFile: directory.appendingPathComponent("cert.pem").path,
            privateKeyFile: directory.appendingPathComponent("key.pem").path)
        @Sendable func write(_ pair: (certificate: String, key: String)) throws {
            try pair.certificate.write(toFile: files.certificateFile, atomically: true, encoding: .utf8)
            try pair.key.write(toFile: files.privateKeyFile, atomically: true, encoding: .utf8)
        }
        try write(Certificates.first)
        try await withServer([address], listeners: [.free(tls: files)]) { server in
            #expect(server.bound.map(\.isTLS) == [true])
            let client = HTTPClient(.tls(server.port))
            #expect(try await client.get("/address").status == 200)
            let first = try await Self.certificate(port: server.port)
            #expect(try first == NIOSSLCertificate(bytes: Array(Certificates.first.certificate.utf8), format: .pem))

            try write((Certificates.second.certificate, Certificates.first.key))
            #expect(throws: ListenError.self) { try server.server.reloadCertificates() }
            #expect(try await Self.certificate(port: server.port) == first)

            try write(Certificates.second)
            try server.server.reloadCertificates()
            let second = try await Self.certificate(port: server.port)
            #expect(try second == NIOSSLCertificate(bytes: Array(Certificates.second.certificate.utf8), format: .pem))
            #expect(try await client.get("/address").status == 200)
        }
    }

    /// The certificate that a server shows.
    private static func certificate(port: Int) async throws -> NIOSSLCertificate? {
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        let shown = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: NIOSSLCertificate?.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer {
            channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(context: context, serverHostname: nil) { chain, verified in
                    shown.succeed(chain.first)
                    verified.succeed(.certificateVerified)
                }
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }.connect(host: "127.0.0.1", port: port).get()
        let certificate = try await shown.futureResult.get()
        try? await channel.close().get()
        return certificate
    }

    @Test func `a port that is taken is named, with what to do`() async throws {
        try await withServer([address]) { server in
            let port = server.port
            let error = await #expect(throws: ListenError.self) {
                try await withServer(
                    [], listeners: [Listener(name: "main", place: .port(port, addresses: ["127.0.0.1"]), resources: [])]
                ) { _ in }
            }
            let message = error?.description ?? ""
            #expect(message.hasPrefix("Listener main cannot listen on 127.0.0.1:\(port): Address already in use. "))
            #expect(message.contains("ss -ltnp"))
        }
    }

    @Test(arguments: [
        (Listener(place: .port(0, addresses: ["192.0.2.1"]), resources: []), "192.0.2.1:0"),
        (Listener(place: .unixSocket(path: "/nowhere/main.sock", mode: 0o666), resources: []), "/nowhere/main.sock"),
    ])
    func `a place that cannot be listened on is named`(listener: Listener, place: String) async throws {
        let error = await #expect(throws: ListenError.self) { try await withServer([], listeners: [listener]) { _ in } }
        #expect(error?.description.contains(place) == true)
    }

    @Test func `a certificate that is not there is named`() async throws {
        let files = Listener.TLS(certificateFile: "/nowhere/cert.pem", privateKeyFile: "/nowhere/key.pem")
        let error = await #expect(throws: ListenError.self) {
            try await withServer([], listeners: [.free(tls: files)]) { _ in }
        }
        #expect(error?.description.contains("/nowhere/cert.pem") == true)
    }
}
