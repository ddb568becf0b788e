package import Logging
package import MatrixCore
package import ModuleAPI

/// Turns the `modules:` section of the configuration into modules.
///
/// A name ending in `.so` is a plug-in's path; the name of a module linked into the server is that module.
package struct ModuleLoader: Sendable {
    /// The modules linked into this program, by ``Module/name``.
    private let linked: [String: any Module.Type]

    package init(linked: [any Module.Type] = []) {
        self.linked = Dictionary(linked.map { ($0.name, $0) }) { first, _ in first }
    }

    /// A module whose configuration was read, and which can be made.
    package struct Prepared: Sendable {
        package let name: String
        let make: @Sendable (any ModuleContext) async throws -> any Module
    }

    /// Finds every module and has it read its configuration. Makes none.
    /// - Parameter section: The value of `modules:`; `nil` and null if there is none.
    /// - Throws: ``ModuleConfigurationError``.
    package func prepare(_ section: JSON?) throws(ModuleConfigurationError) -> [Prepared] {
        guard let section, !section.isNull else { return [] }
        guard let entries = section.arrayValue else {
            throw ModuleConfigurationError("expected a list", path: ["modules"])
        }
        var prepared: [Prepared] = []
        for (item, entry) in entries.enumerated() {
            prepared.append(try prepare(entry, item: item))
        }
        return prepared
    }

    private func prepare(_ entry: JSON, item: Int) throws(ModuleConfigurationError) -> Prepared {
        let path = ["modules", "<item \(item)>"]
        guard let entry = entry.objectValue else {
            throw ModuleConfigurationError("expected a mapping", path: path)
        }
        guard let name = entry.string("module") else {
            throw ModuleConfigurationError("expected a string", path: path + ["module"])
        }
        let configuration: JSONObject
        switch entry["config"] {
        case nil, .null: configuration = [:]
        case .object(let object): configuration = object
        default: throw ModuleConfigurationError("expected a mapping", path: path + ["config"])
        }
        let type = try find(name, path: path + ["module"])
        return try Self.prepare(type, entry: name, configuration: configuration, item: item)
    }

    private func find(_ name: String, path: [String]) throws(ModuleConfigurationError) -> any Module.Type {
        if let type = linked[name] { return type }
        if name.utf8.suffix(3).elementsEqual(".so".utf8) {
            do {
                return try PluginLibrary.module(at: name)
            } catch {
                throw ModuleConfigurationError(
                    "Failed to load module '\(name)'", path: path, causes: [error.reason])
            }
        }
        let known = linked.keys.sorted { $0.precedesInBytes($1) }.joined(separator: ", ")
        throw ModuleConfigurationError(
            "Unknown module '\(name)'", path: path,
            causes: [
                "A Swift plug-in's path ends in '.so'; "
                    + (known.isEmpty ? "no modules are linked into this server. " : "linked in: \(known). ")
                    + "Python modules come with a later version of Axolemma."
            ])
    }

    private static func prepare<M: Module>(
        _ type: M.Type, entry: String, configuration: JSONObject, item: Int
    ) throws(ModuleConfigurationError) -> Prepared {
        let parsed: M.Configuration
        do {
            parsed = try M.parseConfiguration(configuration)
        } catch {
            throw .parsing(entry, item: item, error)
        }
        return Prepared(name: M.name) { try await M(configuration: parsed, context: $0) }
    }
}

extension ModuleRegistry {
    /// Makes the modules in order, lets them register, and freezes the registry.
    ///
    /// Storage must be up, and `host` able to serve: modules may use the server from their initializers.
    /// - Throws: Whatever the first initializer that fails throws. The server must then not start.
    package func load(
        _ modules: [ModuleLoader.Prepared], serverName: ServerName, host: any ModuleHost, log: Logger
    ) async throws {
        for module in modules {
            let context = HostedModuleContext(
                module: module.name, serverName: serverName, registry: self, host: host, log: log)
            keep(try await module.make(context))
            log.info("Loaded module \(module.name)")
        }
        freeze()
    }
}
