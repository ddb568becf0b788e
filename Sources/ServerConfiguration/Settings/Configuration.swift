package import MatrixCore

/// The server's configuration: `homeserver.yaml`, read, checked and typed.
///
/// Paths are as written, relative ones to the working directory, as Synapse has it.
package struct Configuration: Sendable {
    /// The files read, in order.
    package var files: [String] = []
    /// What is wrong without being fatal: unknown options, options not supported yet, doubtful values.
    package var warnings: [ConfigurationFault] = []

    /// `server_name`: the domain part of all our users' IDs. Never changes in the life of a server.
    package var serverName: ServerName
    /// `data_directory`: where the server keeps files that have no option of their own. By default the SQLite file's
    /// directory, else the one of the last configuration file.
    package var dataDirectory: String
    /// `pid_file`: written while the server runs.
    package var pidFile: String?
    /// `soft_file_limit`: how many files and connections may be open; 0 is as many as the system lets us.
    package var softFileLimit: Int

    package var listeners: [Listener]
    package var tls: TLSFiles?
    package var database: DatabaseSettings
    /// `signing_key_path`: the key to sign with comes first. Empty only while the file is among ``missingFiles``.
    package var signingKeys: [SigningKey]
    package var wellKnown: WellKnownSettings
    /// `web_client_location`: where `GET /` sends a browser.
    package var webClientLocation: String?

    package var registration: RegistrationSettings
    package var passwords: PasswordSettings
    package var sessions: SessionSettings
    package var rateLimits: RateLimits
    package var profiles: ProfileSettings
    package var rooms: RoomSettings
    package var directory: DirectorySettings
    package var presence: PresenceMode
    package var blocking: BlockingSettings

    /// `modules` and its older forms: in the order they are made and asked.
    package var modules: [ModuleEntry]
    package var moduleSettings: ModuleSettings
    /// What modules may ask the configuration for.
    package var moduleView: ModuleView

    /// `log_config`: a logging configuration as Python's `logging.config.dictConfig` takes it.
    package var logConfigPath: String?
    /// `enable_metrics`: whether metrics are served.
    package var metricsEnabled: Bool

    /// Files that options name, that are not there, and that the server may write itself.
    package var missingFiles: [MissingFile] = []
}

extension Configuration {
    /// Reads and checks a configuration.
    /// - Parameter paths: Files, and directories of `*.yaml` files; top-level options of later ones replace earlier ones.
    /// - Throws: ``ConfigurationError`` with every fault found.
    package static func load(_ paths: [String]) throws(ConfigurationError) -> Configuration {
        let merged = try ConfigurationFiles.read(paths)
        let log = FaultLog()
        for warning in merged.warnings { log.warn(warning) }
        let configuration = read(merged, log: log)
        guard let configuration, log.errors.isEmpty else {
            throw ConfigurationError(inFileOrder(log.errors, merged.files))
        }
        return configuration
    }

    /// Reads a configuration that is not in a file, for tests.
    package static func load(yaml: String, file: String = "homeserver.yaml") throws(ConfigurationError) -> Configuration
    {
        let log = FaultLog()
        let members = try YAMLReader.read(Array(yaml.utf8), file: file)?.members ?? []
        let merged = ConfigurationFiles.Merged(members: members, files: [file], warnings: [])
        guard let configuration = read(merged, log: log), log.errors.isEmpty else {
            throw ConfigurationError(inFileOrder(log.errors, [file]))
        }
        return configuration
    }

    private static func read(_ merged: ConfigurationFiles.Merged, log: FaultLog) -> Configuration? {
        let options = OptionReader(
            members: merged.members, location: merged.files.last.map { SourceLocation(file: $0) }, log: log)
        var check = OptionCheck(log: log)
        check.check(merged.members)
        if let first = check.unsupported.first {
            let names = check.unsupported.map(\.name).joined(separator: ", ")
            log.warn(
                ConfigurationFault(at: first.location, problem: "set but not supported yet, without effect: \(names)"))
        }

        let serverName = readServerName(options)
        let fallbackDirectory = merged.files.last.map(Files.directory(of:)) ?? "."
        let dataDirectory = options.text("data_directory")
        let database = DatabaseSettings(options, dataDirectory: dataDirectory ?? fallbackDirectory)
        var missing: [MissingFile] = []
        let signingKeys = SigningKeys.read(
            options, serverName: serverName, directory: fallbackDirectory, missing: &missing)
        let registration = RegistrationSettings(options, missing: &missing)
        let tls = TLSFiles(options)
        let listeners = Listener.read(options, hasTLS: tls != nil)
        let configuration = Configuration(
            files: merged.files,
            serverName: serverName ?? ServerName(trusted: "invalid"),
            dataDirectory: dataDirectory ?? database.sqliteDirectory ?? fallbackDirectory,
            pidFile: options.text("pid_file"),
            softFileLimit: options.integer("soft_file_limit") ?? 0,
            listeners: listeners,
            tls: tls,
            database: database,
            signingKeys: signingKeys,
            wellKnown: WellKnownSettings(options, serverName: serverName),
            webClientLocation: options.httpURL("web_client_location"),
            registration: registration,
            passwords: PasswordSettings(options),
            sessions: SessionSettings(options),
            rateLimits: RateLimits(options),
            profiles: ProfileSettings(options),
            rooms: RoomSettings(options),
            directory: DirectorySettings(options),
            presence: PresenceMode(options),
            blocking: BlockingSettings(options),
            modules: ModuleEntry.read(options),
            moduleSettings: ModuleSettings(options),
            moduleView: ModuleView(options),
            logConfigPath: options.existingFile("log_config"),
            metricsEnabled: options.bool("enable_metrics", default: false))
        configuration.warnAboutContradictions(options)
        guard serverName != nil else { return nil }
        var finished = configuration
        finished.warnings = inFileOrder(log.warnings, merged.files)
        finished.missingFiles = missing
        return finished
    }

    private static func readServerName(_ options: OptionReader) -> ServerName? {
        guard let text = options.text("server_name") else {
            if !options.has("server_name") {
                options.fail(
                    "server_name", "missing", fix: "add 'server_name: your.domain'; it can never be changed later")
            }
            return nil
        }
        guard let name = ServerName(text) else {
            options.fail(
                "server_name", "'\(text)' is not a server name",
                fix: "write a domain without 'https://' and '/', with ':port' only if users' IDs are meant to have it")
            return nil
        }
        return name
    }

    private func warnAboutContradictions(_ options: OptionReader) {
        if !metricsEnabled, listeners.contains(where: { $0.serves(.metrics) }) {
            options.warn(
                "listeners", "a listener is meant for metrics, which are switched off",
                fix: "add 'enable_metrics: true'")
        }
        if listeners.contains(where: \.usesTLS) == false, tls != nil {
            options.warn("tls_certificate_path", "no listener has 'tls: true', so the certificate is not used")
        }
    }

    /// Sorts by file, in the order they were read, and then by line.
    private static func inFileOrder(_ faults: [ConfigurationFault], _ files: [String]) -> [ConfigurationFault] {
        faults.enumerated().sorted { left, right in
            let (a, b) = (left.element.location, right.element.location)
            let fileA = a.flatMap { files.firstIndex(of: $0.file) } ?? -1
            let fileB = b.flatMap { files.firstIndex(of: $0.file) } ?? -1
            return (fileA, a?.line ?? 0, left.offset) < (fileB, b?.line ?? 0, right.offset)
        }.map(\.element)
    }
}

extension OptionReader {
    /// A web address with scheme `http` or `https`.
    func httpURL(_ key: String) -> String? {
        guard let text = text(key) else { return nil }
        if text.hasPrefix("https://") || text.hasPrefix("http://"), text.utf8.count > 8, !text.utf8.contains(0x20) {
            return text
        }
        fail(key, "is not a web address", fix: "write it with 'https://' in front")
        return nil
    }
}
