import ArgumentParser
import ServerConfiguration

/// `axolemma python-env`
struct PythonEnvironmentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "python-env",
        abstract: "Make the environment that Python modules run in.",
        subcommands: [Create.self])

    /// `axolemma python-env create`
    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a virtual environment with what Python modules need, and install modules into it.",
            discussion: """
                Makes the environment that the configuration names
                ('module_settings.python'), by default the folder 'python' beside the data,
                and installs Axolemma's 'synapse' package into it. An environment that exists
                is brought up to date, so this is also how to add a module.

                  axolemma python-env create -c homeserver.yaml
                  axolemma python-env create -c homeserver.yaml \\
                    --with synapse-auto-accept-invite==1.2.0

                The folder must be one that only this server's Python modules use.
                """)

        @Option(
            name: [.customShort("c"), .customLong("config-path")],
            help: ArgumentHelp("The server's configuration, which says where the environment is.", valueName: "file"))
        var paths: [String] = []

        @Option(help: ArgumentHelp("The folder to make, instead of the configuration's.", valueName: "folder"))
        var directory: String?

        @Option(help: ArgumentHelp("The Python to make it with, 3.9 or later.", valueName: "program"))
        var python = "python3"

        @Option(
            name: .customLong("with"),
            help: ArgumentHelp(
                "A package to install besides, as pip takes it: a name on PyPI, a folder, a git+https URL. May be repeated.",
                valueName: "package"))
        var packages: [String] = []

        func validate() throws {
            if paths.isEmpty, directory == nil {
                throw ValidationError("Say where, as in: -c homeserver.yaml, or: --directory ./data/python")
            }
        }

        func run() throws {
            let environment = try place()
            guard let folder = environment.directory else {
                StandardError.print(
                    "\(environment.interpreter) is not the interpreter of a virtual environment, whose path ends in "
                        + "'/bin/python'. Change 'module_settings.python', or install into it yourself: "
                        + "\(environment.interpreter) -m pip install \(Installation.pythonPackage ?? "FOLDER")")
                throw ExitCode.faultyConfiguration
            }
            guard let package = Installation.pythonPackage, Files.exists("\(package)/pyproject.toml") else {
                StandardError.print(
                    "Axolemma's own Python package is not beside this program. Set AXOLEMMA_PYTHON_PACKAGE to the folder "
                        + "'Python' of Axolemma's source.")
                throw ExitCode.failed
            }
            if environment.exists {
                print("\(folder) exists; bringing it up to date.")
            } else {
                print("Making \(folder) with \(python) …")
                try step(
                    python, ["-m", "venv", folder],
                    hint: "On Debian: apt install python3-venv. Another Python can be named with --python.")
            }
            print("Installing Axolemma's package and what it needs …")
            let pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            let hint = "The lines above are pip's. Is there a way to PyPI?"
            // Building writes into the package's folder, which may belong to somebody else: so into a copy.
            let copies = try Files.makeTemporaryDirectory()
            defer { _ = try? ChildProcess.run("rm", ["-rf", copies]) }
            let copy = "\(copies)/package"
            try step("cp", ["-R", package, copy], hint: "The package cannot be built where it lies.")
            try step("rm", ["-rf", "\(copy)/build"], hint: "What an earlier build left must not get in.")
            // Again even if this version is there: the package may have changed with the server.
            try step(environment.interpreter, pip + ["--upgrade", copy], hint: hint)
            try step(environment.interpreter, pip + ["--force-reinstall", "--no-deps", copy], hint: hint)
            if !packages.isEmpty {
                print("Installing \(packages.joined(separator: ", ")) …")
                try step(environment.interpreter, pip + packages, hint: hint)
            }
            print(
                """
                \(folder) is ready.
                Name a module under 'modules:' in the configuration, then:
                  axolemma check-config -c \(paths.first ?? "homeserver.yaml")
                """)
        }

        private func place() throws -> PythonEnvironment {
            if let directory { return PythonEnvironment(directory: directory) }
            let configuration = try reportingFaults { () throws(ConfigurationError) in
                try Configuration.load(paths)
            }
            return PythonEnvironment(configuration)
        }

        private func step(_ program: String, _ arguments: [String], hint: String) throws {
            do throws(ChildProcess.Failure) {
                let status = try ChildProcess.run(program, arguments)
                guard status != 0 else { return }
                StandardError.print(
                    "'\(program) \(arguments.joined(separator: " "))' failed with status \(status). \(hint)")
            } catch {
                StandardError.print("\(error). \(hint)")
            }
            throw ExitCode.failed
        }
    }
}
