import Testing

@testable import ServerConfiguration

@Suite struct ListenerTests {
    func listeners(_ yaml: String) throws -> [Listener] {
        try Configuration.load(yaml: "server_name: example.com\nenable_metrics: true\nlisteners:\n\(yaml)").listeners
    }

    @Test func `ports, addresses and resources are read`() throws {
        let all = try listeners(
            """
              - port: 8008
                type: http
                bind_addresses: ['127.0.0.1', '::1']
                x_forwarded: true
                request_id_header: X-Request-ID
                tag: main
                resources:
                  - names: [client, federation]
                    compress: true
                  - names: [metrics]
              - {port: 9000, type: metrics, bind_address: 127.0.0.1}
              - {port: 9001, type: manhole}
            """)
        try #require(all.count == 2)
        #expect(all[0].address == .tcp(hosts: ["127.0.0.1", "::1"], port: 8008))
        #expect(all[0].trustsForwardedFor && all[0].compresses && !all[0].usesTLS)
        #expect(all[0].resources == [.client, .federation, .metrics])
        #expect(all[0].requestIDHeader == "X-Request-ID" && all[0].tag == "main")
        #expect(all[0].serves(.media) && all[0].serves(.health) && all[0].serves(.metrics) && all[0].serves(.keys))
        #expect(all[1].address == .tcp(hosts: ["127.0.0.1"], port: 9000))
        #expect(all[1].serves(.metrics) && !all[1].serves(.client) && !all[1].serves(.health))
    }

    @Test(arguments: [("0o660", 0o660), ("0660", 0o660), ("660", 0o660), ("\"0660\"", 0o660), ("'640'", 0o640)])
    func `unix sockets have permissions in octal`(text: String, mode: UInt32) throws {
        let all = try listeners("  - {path: /run/a.sock, mode: \(text), type: http, resources: [{names: [client]}]}")
        #expect(all.first?.address == .unix(path: "/run/a.sock", mode: mode))
        #expect(all.first?.trustsForwardedFor == true)
    }

    @Test func `a unix socket is open to everybody unless said otherwise`() throws {
        let all = try listeners("  - {path: /run/a.sock, type: http, resources: [{names: [client]}]}")
        #expect(all.first?.address == .unix(path: "/run/a.sock", mode: 0o666))
    }

    @Test(arguments: [
        "  - {type: http}", "  - {port: 1, path: /a, type: http}", "  - {port: 1}", "  - 8008",
        "  - {path: /a, mode: 999, type: http}",
        "  - {path: /\(String(repeating: "a", count: 120)), type: http}", "  - {path: /a, tls: true, type: http}",
        "  []",
    ])
    func `faulty listeners are refused`(yaml: String) {
        #expect(throws: ConfigurationError.self) { try listeners(yaml) }
    }

    @Test func `certificates are checked for being there`() throws {
        let directory = try TemporaryDirectory()
        let certificate = try directory.write("cert.pem", "x")
        let yaml = """
            server_name: example.com
            listeners: [{port: 8448, type: http, tls: true, resources: [{names: [client]}]}]
            tls_certificate_path: \(certificate)

            """
        #expect(faults(yaml + "tls_private_key_path: /nowhere/key.pem\n").count == 1)
        #expect(faults(yaml).contains { $0.contains("'tls_private_key_path': missing") })
        let configuration = try Configuration.load(yaml: yaml + "tls_private_key_path: \(certificate)\n")
        #expect(configuration.tls?.certificatePath == certificate)
        #expect(configuration.listeners.first?.usesTLS == true)
    }
}
