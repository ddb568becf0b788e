import Homeserver
import Logging
import MatrixCore
import ModuleAPI
import PythonHost
import SQLEngine
import ServerConfiguration

/// Python modules as the loader knows foreign modules.
struct PythonModuleHost: ForeignModuleHost {
    let modules: PythonModules
    private let entries: [ModuleEntry]

    /// - Parameter configuration: Its modules are known here by their places in the list.
    init(_ configuration: Configuration) {
        entries = configuration.modules
        modules = PythonModules(
            PythonSettings(
                interpreter: PythonEnvironment(configuration).interpreter,
                server: Self.server(configuration),
                callbackTimeout: configuration.moduleSettings.callbackTimeout,
                memoryLimit: configuration.moduleSettings.pythonMemoryLimit))
    }

    func configure(
        _ foreign: [(item: Int, entry: ModuleLoader.Entry)]
    ) async -> [Int: ModuleConfigurationError] {
        let asked = foreign.map { item, entry in
            PythonModuleEntry(
                item: item, path: entry.path, kind: entries[item].kind.rawValue, module: entry.name,
                configuration: entry.configuration, webPath: entries[item].webPath)
        }
        do {
            return try await modules.configure(asked).mapValues { fault in
                ModuleConfigurationError(fault.message, path: fault.path, causes: fault.causes + Self.lines(fault))
            }
        } catch {
            // None can be asked; the first stands for all.
            guard let first = foreign.first else { return [:] }
            let fault = ModuleConfigurationError(
                "Failed to load module '\(first.entry.name)'", path: first.entry.path, causes: ["\(error)"])
            return [first.item: fault]
        }
    }

    func construct(_ item: Int, context: any ModuleContext) async throws -> String {
        try await modules.construct(item, context: context)
    }

    /// The end of Python's account of a fault, where it says more than the causes.
    private static func lines(_ fault: PythonModuleFault) -> [String] {
        fault.causes.isEmpty && !fault.traceback.isEmpty ? [fault.traceback] : []
    }

    /// What is worth sending to the log, by Python's name of the level.
    private static var logLevel: String {
        switch Logger(label: "axolemma.python").logLevel {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    /// What modules may know of the server, its database aside.
    private static func server(_ configuration: Configuration) -> JSONObject {
        let view = configuration.moduleView
        return [
            "server_name": .string(configuration.serverName.string),
            "public_baseurl": .string(configuration.wellKnown.publicBaseURL),
            "version": .string(Version.synapse),
            "axolemma_version": .string(Version.current),
            "custom_template_directory": view.templateDirectory.map { .string($0) } ?? .null,
            "email": view.options["email"] ?? .null,
            "app_name": .string(view.emailAppName),
            "config": .object(view.options),
            "default_room_version": .string(configuration.rooms.defaultVersion.id),
            "log_level": .string(logLevel),
            "callback_timeout_ms": .integer(configuration.moduleSettings.callbackTimeout.milliseconds),
        ]
    }
}
