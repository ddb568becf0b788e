import ArgumentParser

/// The program `axolemma`.
@main
struct AxolemmaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "axolemma",
        abstract: "A Matrix homeserver with Synapse's modules, admin API and configuration.",
        discussion: """
            A new server in three steps:

              axolemma generate --server-name example.com --data-directory ./data
              axolemma serve -c data/homeserver.yaml
              axolemma register-user -c data/homeserver.yaml --user alice --admin

            From Synapse: point -c at its configuration, and ask first what differs.

              cd /etc/matrix-synapse
              axolemma check-config -c homeserver.yaml -c conf.d

            'axolemma help COMMAND' tells more about a command.

            Exit codes:
              0   all is well
              1   the configuration is at fault
              64  the command was not understood
              70  the server, or a request to it, failed
            """,
        version: "axolemma \(Version.current)",
        subcommands: [
            ServeCommand.self, GenerateCommand.self, CheckConfigurationCommand.self, RegisterUserCommand.self,
            GenerateSigningKeyCommand.self, ModuleCommand.self, PythonEnvironmentCommand.self,
        ])
}
