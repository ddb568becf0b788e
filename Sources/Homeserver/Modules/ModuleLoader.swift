package import Logging
package import MatrixCore
package import ModuleAPI

/// Turns the configuration's modules into modules that run.
///
/// A name ending in `.so` is a plug-in's path; the name of a module linked into the server is that module; any other is a
/// foreign module's, Python's. Order is the configuration's, across languages.
package struct ModuleLoader: Sendable {
    /// A module that the configuration names.
    package struct Entry: Sendable {
        package var name: String
        /// `nil` if the entry has none.
        package var configuration: JSON?
        /// The way to the entry: keys, and `<item N>` counted from 0.
        package var path: [String]
        /// Whether only a foreign host knows what to make of the section this stands in.
        package var isForeignOnly: Bool

        package init(_ name: String, configuration: JSON?, path: [String], isForeignOnly: Bool = false) {
            self.name = name
            self.configuration = configuration
            self.path = path
            self.isForeignOnly = isForeignOnly
        }
    }

    /// A module whose configuration was read, and which can be made.
    package struct Prepared: Sendable {
        /// What log and metrics call it.
        package let name: String
        package let language: ModuleLanguage
        /// Makes the module; answers what to call it in the log.
        let make: @Sendable (any ModuleContext) async throws -> (description: String, module: (any Module)?)
    }

    /// The modules linked into this program, by ``Module/name``.
    private let linked: [String: any Module.Type]
    private let foreign: (any ForeignModuleHost)?

    /// - Parameter foreign: Runs the modules that are not Swift's; `nil` if there is nothing to run them.
    package init(linked: [any Module.Type] = [], foreign: (any ForeignModuleHost)? = nil) {
        self.linked = Dictionary(linked.map { ($0.name, $0) }) { first, _ in first }
        self.foreign = foreign
    }

    /// Whether any of the entries needs the foreign host.
    package func needsForeignHost(_ entries: [Entry]) -> Bool { entries.contains(where: isForeign) }

    private func isForeign(_ entry: Entry) -> Bool {
        entry.isForeignOnly || (linked[entry.name] == nil && !entry.name.utf8.suffix(3).elementsEqual(".so".utf8))
    }

    /// Finds every module and has it read its configuration. Makes none.
    /// - Throws: ``ModuleConfigurationErrors`` with everything that is wrong.
    package func prepare(_ entries: [Entry]) async throws(ModuleConfigurationErrors) -> [Prepared] {
        var prepared: [Int: Prepared] = [:]
        var errors: [Int: ModuleConfigurationError] = [:]
        for (item, entry) in entries.enumerated() where !isForeign(entry) {
            do throws(ModuleConfigurationError) {
                prepared[item] = try Self.prepare(try find(entry), entry)
            } catch {
                errors[item] = error
            }
        }
        let others = entries.enumerated().filter { isForeign($0.element) }.map { (item: $0.offset, entry: $0.element) }
        if let foreign, !others.isEmpty {
            let faults = await foreign.configure(others)
            for (item, entry) in others {
                prepared[item] = Prepared(name: entry.name, language: .python) { context in
                    (try await foreign.construct(item, context: context), nil)
                }
            }
            errors.merge(faults) { $1 }
        } else {
            for (item, entry) in others { errors[item] = unknown(entry) }
        }
        guard errors.isEmpty else {
            throw ModuleConfigurationErrors(errors.sorted { $0.key < $1.key }.map(\.value))
        }
        return entries.indices.compactMap { prepared[$0] }
    }

    private func find(_ entry: Entry) throws(ModuleConfigurationError) -> any Module.Type {
        if let type = linked[entry.name] { return type }
        do {
            return try PluginLibrary.module(at: entry.name)
        } catch {
            throw ModuleConfigurationError(
                "Failed to load module '\(entry.name)'", path: entry.path + ["module"], causes: [error.reason])
        }
    }

    private func unknown(_ entry: Entry) -> ModuleConfigurationError {
        ModuleConfigurationError(
            "Unknown module '\(entry.name)'", path: entry.path + ["module"],
            causes: ["Nothing here runs modules but those linked in and plug-ins, whose path ends in '.so'."])
    }

    private static func prepare<M: Module>(
        _ type: M.Type, _ entry: Entry
    ) throws(ModuleConfigurationError) -> Prepared {
        let configuration: JSONObject
        switch entry.configuration {
        case nil, .null: configuration = [:]
        case .object(let object): configuration = object
        default: throw ModuleConfigurationError("expected a mapping", path: entry.path + ["config"])
        }
        let parsed: M.Configuration
        do {
            parsed = try M.parseConfiguration(configuration)
        } catch {
            throw .parsing(entry.name, path: entry.path, error)
        }
        return Prepared(name: M.name, language: .swift) { context in
            (M.name, try await M(configuration: parsed, context: context))
        }
    }
}

/// Runs modules that are not written in Swift.
package protocol ForeignModuleHost: Sendable {
    /// Has every module read its configuration, in order; makes none.
    /// - Returns: What is wrong, by item.
    func configure(_ entries: [(item: Int, entry: ModuleLoader.Entry)]) async -> [Int: ModuleConfigurationError]

    /// Makes a module, which registers its callbacks with `context` before this returns.
    /// - Returns: What the log calls it.
    /// - Throws: Any error keeps the server from starting.
    func construct(_ item: Int, context: any ModuleContext) async throws -> String
}

/// What a module is written in.
package enum ModuleLanguage: String, Sendable {
    case swift, python
}

extension ModuleRegistry {
    /// Makes the modules in order and lets them register.
    ///
    /// Storage must be up, and `services` able to serve: modules may use the server from their initializers.
    /// - Throws: ``ModuleStartError`` for the first that cannot be made. The server must then not start.
    package func load(
        _ modules: [ModuleLoader.Prepared], context: (ModuleLoader.Prepared) -> any ModuleContext, log: Logger
    ) async throws(ModuleStartError) {
        for module in modules {
            do {
                let made = try await module.make(context(module))
                if let object = made.module { keep(object) }
                log.info("Loaded module \(made.description)")
            } catch {
                throw ModuleStartError(module: module.name, cause: error)
            }
        }
    }
}

/// A module could not be made, so the server does not start.
package struct ModuleStartError: Error, CustomStringConvertible {
    package let module: String
    package let cause: any Error

    package var description: String { "The module \(module) could not be made: \(cause)" }
}
