import ArgumentParser
import MatrixCore
import ServerConfiguration

/// `axolemma generate`
struct GenerateCommand: ParsableCommand {
    enum Answer: String, ExpressibleByArgument, CaseIterable { case yes, no }

    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Write the configuration and signing key of a new server.",
        discussion: """
            Writes homeserver.yaml, with SQLite, a listener on 127.0.0.1 port 8008 and
            new secrets, and a signing key. Nothing that exists is overwritten.

              axolemma generate --server-name example.com --data-directory ./data
              axolemma generate --server-name localhost --data-directory ./data \\
                -c homeserver.yaml
            """)

    @Option(
        name: [.customShort("H"), .customLong("server-name")],
        help: ArgumentHelp(
            "The domain in all users' IDs, such as example.com. It can never be changed.", valueName: "name"))
    var serverName: String

    @Option(help: ArgumentHelp("Where the database and the signing key go; made if missing.", valueName: "directory"))
    var dataDirectory: String

    @Option(
        name: [.customShort("c"), .customLong("config-path")],
        help: ArgumentHelp(
            "Where to write the configuration (default: homeserver.yaml in the data directory).", valueName: "file"))
    var path: String?

    @Option(help: "Accepted as Synapse has it; nothing is ever reported.")
    var reportStats: Answer = .no

    @Flag(help: "Listen on all addresses, without TLS, instead of this machine alone.")
    var openPrivatePorts = false

    func run() throws {
        guard let name = ServerName(serverName) else {
            throw ValidationError("'\(serverName)' is not a server name; write a domain, such as example.com.")
        }
        let directory = Files.absolute(dataDirectory.isEmpty ? "." : dataDirectory)
        let file = path ?? "\(directory)/homeserver.yaml"
        let generated = GeneratedConfiguration(
            serverName: name, dataDirectory: directory, opensPrivatePorts: openPrivatePorts)
        try reportingFaults { () throws(ConfigurationError) in
            var generator = SystemRandomNumberGenerator()
            try generated.write(to: file, using: &generator)
        }
        print(
            """
            Wrote \(file) and \(generated.signingKeyPath).
            Next:
              axolemma serve -c \(file)
              axolemma register-user -c \(file)
            """)
    }
}

/// `axolemma generate-signing-key`
struct GenerateSigningKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate-signing-key",
        abstract: "Write a new signing key.",
        discussion: """
            Others know a server by its key, so a new one is for a new server, or for
            one whose key was lost or stolen.

              axolemma generate-signing-key -o data/example.com.signing.key
            """)

    @Option(
        name: [.customShort("o"), .customLong("output-file")],
        help: ArgumentHelp("Where to write it; nothing is overwritten (default: standard output).", valueName: "file"))
    var path: String?

    func run() throws {
        var generator = SystemRandomNumberGenerator()
        let line = SigningKey.generate(using: &generator).fileLine
        guard let path else {
            print(line)
            return
        }
        do throws(Files.Failure) {
            try Files.create(path, line + "\n")
        } catch {
            StandardError.print("\(path): cannot be written: \(error)")
            throw ExitCode.failed
        }
    }
}
