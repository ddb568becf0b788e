import ArgumentParser
import Foundation
import Testing

@testable import App

@Suite struct CommandTests {
    @Test func `the help teaches`() {
        let help = AxolemmaCommand.helpMessage()
        for word in ["axolemma generate --server-name", "check-config", "register-user", "Exit codes"] {
            #expect(help.contains(word))
        }
    }

    @Test func `Synapse's options of register_new_matrix_user are understood`() throws {
        let command = try RegisterUserCommand.parse([
            "-u", "alice", "-p", "x", "-t", "bot", "-a", "-c", "homeserver.yaml", "--exists-ok", "http://localhost:1",
        ])
        #expect(command.user == "alice" && command.password == "x" && command.userType == "bot" && command.admin)
        #expect(command.existsOk && command.configurationPaths == ["homeserver.yaml"])
        #expect(command.serverURL == "http://localhost:1")
        let other = try RegisterUserCommand.parse([
            "--user", "bob", "--user_type", "support", "--no-admin", "-k", "secret",
        ])
        #expect(other.noAdmin && other.sharedSecret == "secret" && other.userType == "support")
    }

    @Test(arguments: [
        ["serve"], ["serve", "-c", "x", "--log-level", "loud"], ["generate"], ["generate", "--server-name", "a"],
        ["register-user"], ["register-user", "-c", "x", "-k", "y"], ["register-user", "-k", "y", "-a", "--no-admin"],
        ["check-config"], ["nonsense"],
        ["generate", "--server-name", "a", "--data-directory", "d", "--report-stats", "maybe"],
    ])
    func `what is not understood is a matter of usage`(arguments: [String]) throws {
        let error = #expect(throws: (any Error).self) { try AxolemmaCommand.parseAsRoot(arguments) }
        #expect(AxolemmaCommand.exitCode(for: try #require(error)) == .validationFailure)
    }

    @Test func `a generated configuration passes the check, and is not overwritten`() async throws {
        let directory = try TemporaryDirectory()
        let arguments = [
            "--server-name", "example.com", "--data-directory", directory.path + "/data", "--report-stats", "no",
        ]
        try GenerateCommand.parse(arguments).run()
        let file = directory.path + "/data/homeserver.yaml"
        try await CheckConfigurationCommand.parse(["-c", file]).run()
        let error = #expect(throws: ExitCode.self) { try GenerateCommand.parse(arguments).run() }
        #expect(error == .faultyConfiguration)
    }

    @Test func `a faulty configuration ends the check with 1`() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("homeserver.yaml", "server_name: 1\n")
        let error = await #expect(throws: ExitCode.self) {
            try await CheckConfigurationCommand.parse(["-c", file]).run()
        }
        #expect(error == .faultyConfiguration && error?.rawValue == 1)
    }

    @Test func `a faulty logging configuration ends the check with 1`() async throws {
        let directory = try TemporaryDirectory()
        let log = try directory.write("log.config", "version: 1\nhandlers: {a: {class: logging.FileHandler}}\n")
        let file = try directory.write(
            "homeserver.yaml",
            "server_name: example.com\nlog_config: \(log)\nlisteners: [{port: 1, type: http, resources: [{names: [client]}]}]\n"
        )
        let error = await #expect(throws: ExitCode.self) {
            try await CheckConfigurationCommand.parse(["-c", file]).run()
        }
        #expect(error == .faultyConfiguration)
    }

    @Test func `a process ID is there while the server runs`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("pid", "1\n")
        let file = try PIDFile(path: directory.path + "/pid")
        #expect(try directory.read("pid") == "\(ProcessInfo.processInfo.processIdentifier)\n")
        file.remove()
        #expect(try directory.names == [])
    }

    @Test func `the limit of open files is what was asked for, or the most there may be`() throws {
        let most = try #require(ProcessLimits.allowOpenFiles(0))
        #expect(ProcessLimits.allowOpenFiles(300) == 300)
        #expect(ProcessLimits.allowOpenFiles(Int.max) == most)
        #expect(ProcessLimits.allowOpenFiles(0) == most)
    }
}
