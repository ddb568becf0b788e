import ArgumentParser
import Homeserver
import Logging
import MatrixCore
import ServerConfiguration

/// `axolemma check-config`
struct CheckConfigurationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Tell all that is wrong with a configuration.",
        discussion: """
            Reads the configuration as 'serve' would, and the logging configuration that
            it names, has every module read its own, and writes every fault and warning
            with file, line, option and what to write instead. No server is started and
            nothing is changed. The exit code is 1 if the server would not start.

              axolemma check-config -c homeserver.yaml -c conf.d
              axolemma check-config --list-options
            """)

    @Option(
        name: [.customShort("c"), .customLong("config-path")],
        help: ArgumentHelp(
            "A configuration file, or a directory of *.yaml files. May be given several times.", valueName: "file"))
    var paths: [String] = []

    @Flag(help: "Write, in Markdown, what becomes of each of Synapse's options.")
    var listOptions = false

    func validate() throws {
        if paths.isEmpty, !listOptions { throw ValidationError("Name the configuration, as in: -c homeserver.yaml") }
    }

    func run() async throws {
        if listOptions { print(OptionTable.markdown(), terminator: "") }
        guard !paths.isEmpty else { return }
        let configuration = try reportingFaults { () throws(ConfigurationError) in try Configuration.load(paths) }
        var warnings = configuration.warnings
        if let path = configuration.logConfigPath {
            _ = try reportingFaults { () throws(ConfigurationError) in
                try LogConfiguration.read(path, warnings: &warnings)
            }
        }
        do throws(ModuleConfigurationErrors) {
            try await ModuleSet(configuration).discard()
        } catch {
            StandardError.print("\(error)")
            throw ExitCode.faultyConfiguration
        }
        for warning in warnings { StandardError.print("Warning: \(warning)") }
        for file in configuration.missingFiles { print("\(file.path) does not exist; the server will make it.") }
        let files = configuration.files.joined(separator: ", ")
        print("\(files): valid, for the server \(configuration.serverName.string).")
    }
}
