import Foundation
import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct GeneratedConfigurationTests {
    @Test func `what is generated loads without a warning`() throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/new/data"
        let file = directory.path + "/etc/homeserver.yaml"
        var generator = SeededGenerator()
        let generated = GeneratedConfiguration(serverName: ServerName(trusted: "example.com:8448"), dataDirectory: data)
        try generated.write(to: file, using: &generator)
        let configuration = try Configuration.load([file])
        #expect(configuration.warnings == [])
        #expect(configuration.missingFiles == [])
        #expect(configuration.serverName.string == "example.com:8448")
        #expect(configuration.database == .sqlite(SQLiteSettings(path: data + "/homeserver.db")))
        #expect(configuration.dataDirectory == data)
        #expect(configuration.signingKeys.count == 1)
        #expect(configuration.listeners.map(\.address) == [.tcp(hosts: ["127.0.0.1"], port: 8008)])
        #expect(configuration.registration.sharedSecret?.utf8.count == 43)
        for path in [file, data + "/example.com_8448.signing.key"] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func `nothing is overwritten`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("homeserver.yaml", "server_name: old\n")
        var generator = SeededGenerator()
        let generated = GeneratedConfiguration(
            serverName: ServerName(trusted: "example.com"), dataDirectory: directory.path)
        let error = #expect(throws: ConfigurationError.self) { try generated.write(to: file, using: &generator) }
        #expect(error?.description.hasPrefix("\(file): exists already, nothing written; choose another file") == true)
        #expect(!Files.exists(generated.signingKeyPath))
        #expect(try Files.read(file) == Array("server_name: old\n".utf8))
    }

    @Test func `a signing key that is there is kept`() throws {
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator()
        let line = SigningKey.generate(using: &generator).fileLine
        _ = try directory.write("example.com.signing.key", line + "\n")
        let generated = GeneratedConfiguration(
            serverName: ServerName(trusted: "example.com"), dataDirectory: directory.path)
        try generated.write(to: directory.path + "/homeserver.yaml", using: &generator)
        let configuration = try Configuration.load([directory.path + "/homeserver.yaml"])
        #expect(configuration.signingKeys.map(\.fileLine) == [line])
    }

    @Test func `odd paths are quoted`() throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/a \"b\" #c: d\\e"
        var generator = SeededGenerator()
        let generated = GeneratedConfiguration(serverName: ServerName(trusted: "example.com"), dataDirectory: data)
        try generated.write(to: directory.path + "/homeserver.yaml", using: &generator)
        #expect(try Configuration.load([directory.path + "/homeserver.yaml"]).dataDirectory == data)
    }

    @Test func `private ports are opened only when asked`() {
        var generator = SeededGenerator()
        let generated = GeneratedConfiguration(
            serverName: ServerName(trusted: "example.com"), dataDirectory: "/d", opensPrivatePorts: true)
        #expect(generated.yaml(using: &generator).contains("bind_addresses: ['::', '0.0.0.0']"))
    }

    @Test func `two secrets are never alike`() {
        var generator = SystemRandomNumberGenerator()
        #expect(Secrets.random(using: &generator) != Secrets.random(using: &generator))
    }
}
