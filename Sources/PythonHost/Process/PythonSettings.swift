package import MatrixCore

/// How Python modules are run.
package struct PythonSettings: Sendable {
    /// The interpreter: a path, or a name that is looked for in `PATH`.
    package var interpreter: String
    /// What it is given; the number of the socket is added.
    package var arguments: [String]
    /// Folders with packages, beside those of the interpreter. Those that the server's own `PYTHONPATH` names come first.
    package var packagePaths: [String]
    /// What modules may know of the server: the protocol's SERVER.
    package var server: JSONObject
    /// How long a callback may take, and how long the process may leave a ping unanswered.
    package var callbackTimeout: Duration
    /// How long a module may take to be made, and all of them to be imported.
    package var startTimeout: Duration
    /// How long the process may take to finish when it is told to.
    package var stopTimeout: Duration
    /// How many bytes of memory the process may hold before it is started anew.
    package var memoryLimit: Int
    /// How many entries of rooms' states the process is to keep.
    package var mirroredEntries: Int

    package init(
        interpreter: String, arguments: [String] = ["-m", "axolemma_host"], packagePaths: [String] = [],
        server: JSONObject, callbackTimeout: Duration = .seconds(30), startTimeout: Duration = .seconds(120),
        stopTimeout: Duration = .seconds(5), memoryLimit: Int = 1 << 30, mirroredEntries: Int = 1_000_000
    ) {
        self.interpreter = interpreter
        self.arguments = arguments
        self.packagePaths = packagePaths
        self.server = server
        self.callbackTimeout = callbackTimeout
        self.startTimeout = startTimeout
        self.stopTimeout = stopTimeout
        self.memoryLimit = memoryLimit
        self.mirroredEntries = mirroredEntries
    }

    /// The command that starts the process.
    func command(environment: [String: String]) -> HostProcess.Command {
        var environment = environment
        let inherited = environment["PYTHONPATH"].flatMap { $0.isEmpty ? nil : $0 }
        let paths = (inherited.map { [$0] } ?? []) + packagePaths
        if !paths.isEmpty { environment["PYTHONPATH"] = paths.joined(separator: ":") }
        environment["PYTHONUNBUFFERED"] = "1"
        return HostProcess.Command(
            program: interpreter, arguments: arguments + ["--fd", "3"], environment: environment)
    }
}

/// A Python module that the configuration names.
package struct PythonModuleEntry: Sendable {
    /// The module's number, by which it is known from now on.
    package var item: Int
    /// The way to the entry: keys, and `<item N>` counted from 0.
    package var path: [String]
    /// The section that names it: `module`, `spam_checker`, `third_party_event_rules`, `presence_router`,
    /// `password_provider`, `additional_resource`.
    package var kind: String
    /// The dotted name of the class.
    package var module: String
    /// As written; `nil` if the entry has none.
    package var configuration: JSON?
    /// Where an additional resource is served.
    package var webPath: String?

    package init(
        item: Int, path: [String], kind: String = "module", module: String, configuration: JSON? = nil,
        webPath: String? = nil
    ) {
        self.item = item
        self.path = path
        self.kind = kind
        self.module = module
        self.configuration = configuration
        self.webPath = webPath
    }

    var object: JSONObject {
        var object: JSONObject = [
            "item": .integer(Int64(item)), "path": .array(path.map { .string($0) }), "kind": .string(kind),
            "module": .string(module), "config": configuration ?? .null, "has_config": .bool(configuration != nil),
        ]
        if let webPath { object["web_path"] = .string(webPath) }
        return object
    }
}

/// What is wrong with an entry.
package struct PythonModuleFault: Error, Hashable, Sendable {
    /// The way to what is wrong, from the top of the file down.
    package var path: [String]
    package var message: String
    /// What led to it, outermost first.
    package var causes: [String]
    /// Python's account of it; empty if there is none.
    package var traceback: String
}

extension PythonModuleFault {
    init(_ failure: HostFailure, _ entry: PythonModuleEntry, _ settings: PythonSettings) {
        switch failure {
        case .configuration(let path, let message, let causes, let traceback):
            self.init(path: path.isEmpty ? entry.path : path, message: message, causes: causes, traceback: traceback)
        case .missingImport(let message, let missing, let traceback):
            var causes = [message]
            if let missing {
                let package = missing.split(separator: ".").first.map(String.init) ?? missing
                causes.append(
                    "'\(package)' is not installed. If its package is called so too: 'axolemma python-env create -c "
                        + "homeserver.yaml --with \(package)', or '\(settings.interpreter) -m pip install \(package)'")
            }
            self.init(
                path: entry.path + ["module"], message: "Failed to import module '\(entry.module)'", causes: causes,
                traceback: traceback)
        default:
            self.init(
                path: entry.path, message: "Failed to load module '\(entry.module)'", causes: ["\(failure.error)"],
                traceback: "")
        }
    }
}

/// The Python process cannot be started. Printed, it tells the operator what to do.
package struct PythonStartError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }

    /// The interpreter did not start.
    static func interpreter(_ settings: PythonSettings, _ error: SystemError) -> PythonStartError {
        PythonStartError(
            "Python modules are configured, but the interpreter '\(settings.interpreter)' cannot be started: "
                + "\(error.reason). 'axolemma python-env create' makes an environment for modules; another interpreter "
                + "can be named with 'module_settings: {python: PATH}'")
    }

    /// It started, and ended before it was ready.
    static func ended(_ settings: PythonSettings, _ reason: String, printed: [String]) -> PythonStartError {
        let text = printed.joined(separator: "\n  ")
        if let line = printed.last(where: { $0.contains("No module named") }) {
            return PythonStartError(
                "The interpreter '\(settings.interpreter)' lacks a package that modules need (\(line)). "
                    + "'axolemma python-env create' makes an environment that has it")
        }
        return PythonStartError(
            "The Python process ended before it was ready: \(reason)"
                + (text.isEmpty ? "" : ". It printed:\n  \(text)"))
    }
}
