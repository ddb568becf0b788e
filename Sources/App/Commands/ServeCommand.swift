import ArgumentParser
import Homeserver
import Logging
import MatrixCore
import ServerConfiguration

/// `axolemma serve`
struct ServeCommand: AsyncParsableCommand {
    enum LogStyle: String, ExpressibleByArgument, CaseIterable { case plain, json }

    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server.",
        discussion: """
            Runs in the foreground until SIGTERM or SIGINT; SIGHUP opens the log files
            again. Tells systemd when it is ready (Type=notify). A missing signing key
            is made, as Synapse does.

              axolemma serve -c homeserver.yaml
              axolemma serve -c homeserver.yaml -c conf.d --log-level debug

            Logs go where 'log_config' says, a logging configuration as for Synapse, and
            without one to standard error.
            """)

    @OptionGroup var files: ConfigurationPaths

    @Option(help: "How much to log to standard error, unless there is a 'log_config': debug, info, warning or error.")
    var logLevel: String = "info"

    @Option(help: "How it is written, unless there is a 'log_config': plain or json.")
    var logFormat: LogStyle = .plain

    func validate() throws {
        if Logger.Level(pythonName: logLevel) == nil {
            throw ValidationError("'\(logLevel)' is not a level; use debug, info, warning or error.")
        }
    }

    func run() async throws {
        var warnings: [ConfigurationFault] = []
        var configuration = try reportingFaults { () throws(ConfigurationError) in try Configuration.load(files.paths) }
        let plan = try reportingFaults { () throws(ConfigurationError) in
            try logPlan(configuration, warnings: &warnings)
        }
        do throws(LogOutputError) {
            try LogSystem.start(plan)
        } catch {
            report(ConfigurationError(ConfigurationFault(option: "log_config", problem: error.description)))
            throw ExitCode.faultyConfiguration
        }
        defer { LogSystem.flush() }

        let logger = Logger(label: "axolemma.config")
        logger.info("Axolemma \(Version.current) starts as \(configuration.serverName.string)")
        for warning in configuration.warnings + warnings { logger.warning("\(warning)") }
        do {
            var generator = SystemRandomNumberGenerator()
            for file in try configuration.writeMissingFiles(using: &generator) {
                logger.warning("\(file.path) was missing and has been made")
            }
            ProcessLimits.ignoreBrokenPipes()
            ProcessLimits.allowOpenFiles(configuration.softFileLimit)
            let pidFile = try configuration.pidFile.map { try PIDFile(path: $0) }
            defer { pidFile?.remove() }
            try await serve(configuration: configuration)
        } catch let error as ConfigurationError {
            for fault in error.faults { logger.critical("\(fault)") }
            throw ExitCode.faultyConfiguration
        } catch let error as ModuleConfigurationErrors {
            // In Synapse's words, and to the terminal wherever the log goes: whoever configures modules looks there.
            StandardError.print("\(error)")
            logger.critical("\(error)")
            throw ExitCode.faultyConfiguration
        } catch let error as ModuleStartError {
            logger.critical("\(error)")
            throw ExitCode.faultyConfiguration
        } catch {
            logger.critical("The server stopped: \(error)")
            throw ExitCode.failed
        }
    }

    private func logPlan(
        _ configuration: Configuration, warnings: inout [ConfigurationFault]
    ) throws(ConfigurationError) -> LogPlan {
        if let path = configuration.logConfigPath { return try LogConfiguration.read(path, warnings: &warnings) }
        let format = logFormat == .json ? LogFormat.json(withTime: true) : .standard
        return .standardError(format, level: Logger.Level(pythonName: logLevel) ?? .info)
    }
}
