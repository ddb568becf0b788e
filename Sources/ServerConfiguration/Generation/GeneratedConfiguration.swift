package import MatrixCore

/// A new server's `homeserver.yaml` and signing key.
package struct GeneratedConfiguration: Sendable {
    package let serverName: ServerName
    /// The directory of the database, the signing key and what else the server keeps, seen from the root.
    package let dataDirectory: String
    /// Whether the listener is bound to all addresses instead of this machine alone.
    package let opensPrivatePorts: Bool

    package init(serverName: ServerName, dataDirectory: String, opensPrivatePorts: Bool = false) {
        self.serverName = serverName
        self.dataDirectory = dataDirectory
        self.opensPrivatePorts = opensPrivatePorts
    }

    package var signingKeyPath: String { "\(dataDirectory)/\(fileName).signing.key" }

    /// The server's name with what a file name should not hold replaced.
    private var fileName: String {
        String(
            decoding: serverName.string.utf8.map { ":[]".utf8.contains($0) ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    /// The text of `homeserver.yaml`, with new secrets.
    package func yaml(using generator: inout some RandomNumberGenerator) -> String {
        let addresses = opensPrivatePorts ? "['::', '0.0.0.0']" : "['127.0.0.1']"
        return """
            # Configuration of Axolemma, a Matrix homeserver.
            #
            # The options and their meaning are Synapse's:
            # https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
            # After a change, 'axolemma check-config -c FILE' tells whether all is well; a restart makes it count.
            # This file holds secrets: keep it readable by the server's user alone.

            # The domain in the IDs of all users, as in @alice:\(serverName.string). It can never be changed.
            server_name: \(quoted(serverName.string))

            # Where clients reach the server from outside. Set it once a reverse proxy or a certificate is in place.
            # public_baseurl: "https://\(serverName.string)/"

            # Where the server listens. Put a reverse proxy with a certificate before it to be reached from other machines.
            listeners:
              - port: 8008
                type: http
                tls: false
                x_forwarded: true
                bind_addresses: \(addresses)
                resources:
                  - names: [client, federation]
                    compress: false

            # Where everything is stored. For PostgreSQL:
            #   name: psycopg2
            #   args: {host: localhost, user: axolemma, password: SECRET, dbname: axolemma, cp_min: 5, cp_max: 10}
            database:
              name: sqlite3
              args:
                database: \(quoted("\(dataDirectory)/homeserver.db"))

            # Where the server keeps files that have no option of their own.
            data_directory: \(quoted(dataDirectory))

            # The key the server signs its events with. Keep a copy: others know the server by it.
            signing_key_path: \(quoted(signingKeyPath))

            # Whether anybody may register. 'axolemma register-user' makes accounts either way.
            # To open registration, set it to true and ask for a token:
            #   registration_requires_token: true
            enable_registration: false

            # Whoever knows this may register anybody, also as an administrator.
            registration_shared_secret: \(quoted(Secrets.random(using: &generator)))

            # Used by Synapse, should you go back to it.
            macaroon_secret_key: \(quoted(Secrets.random(using: &generator)))
            form_secret: \(quoted(Secrets.random(using: &generator)))
            report_stats: false

            # Modules, asked in this order: a Swift module's name, a .so file, or the dotted name of a Python class.
            modules: []
            #  - module: /usr/lib/axolemma/libKeywordFilter.so
            #    config:
            #      words: [spam]

            """
    }

    /// Writes both files, each readable by its owner alone.
    /// - Parameter path: Where `homeserver.yaml` goes.
    /// - Throws: ``ConfigurationError`` if `homeserver.yaml` exists already or a file cannot be written. A signing key
    ///   that exists is kept: others know the server by it.
    package func write(to path: String, using generator: inout some RandomNumberGenerator) throws(ConfigurationError) {
        guard !Files.exists(path) else {
            throw ConfigurationError(
                ConfigurationFault(
                    at: SourceLocation(file: path), problem: "exists already, nothing written",
                    fix: "choose another file with -c, or move this one away first"))
        }
        try perform(on: dataDirectory) { () throws(Files.Failure) in try Files.makeDirectory(dataDirectory) }
        let directory = Files.directory(of: path)
        try perform(on: directory) { () throws(Files.Failure) in try Files.makeDirectory(directory) }
        if !Files.exists(signingKeyPath) {
            let line = SigningKey.generate(using: &generator).fileLine + "\n"
            try perform(on: signingKeyPath) { () throws(Files.Failure) in try Files.create(signingKeyPath, line) }
        }
        let text = yaml(using: &generator)
        try perform(on: path) { () throws(Files.Failure) in try Files.create(path, text) }
    }

    private func perform(on path: String, _ body: () throws(Files.Failure) -> Void) throws(ConfigurationError) {
        do throws(Files.Failure) {
            try body()
        } catch {
            throw ConfigurationError(
                ConfigurationFault(
                    at: SourceLocation(file: path), problem: "cannot be written: \(error)",
                    fix: "choose a directory that you may write to"))
        }
    }

    /// A string as YAML's double quotes have it.
    private func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20: text += "\\u" + String(0x10000 + scalar.value, radix: 16).dropFirst()
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
