import AdminAPI
import ArgumentParser
import Homeserver
import Logging
import MatrixCore
import SQLEngine
import ServerConfiguration

extension ModuleCommand {
    /// `axolemma module list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the configured modules, the callbacks they register, and their configuration.",
            discussion: """
                What a module registers shows only when it is made. So each is made here on
                an empty server of the same name, in a temporary folder, which nobody can
                reach; your data is not touched. What a module does elsewhere when it is
                made, such as asking another service, it does here too.

                  axolemma module list -c homeserver.yaml

                How often callbacks are called on the running server, how long they take and
                how they fare: GET /_axolemma/admin/v1/modules, for administrators.
                """)

        @OptionGroup var files: ConfigurationPaths

        func run() async throws {
            var configuration = try reportingFaults { () throws(ConfigurationError) in
                try Configuration.load(files.paths)
            }
            guard !configuration.modules.isEmpty else {
                print("No modules are configured. They are listed under 'modules:' in homeserver.yaml.")
                return
            }
            let entries = configuration.modules
            let overview: ModulesOverview
            do {
                overview = try await TrialServer.with { directory in
                    configuration.database = .sqlite(SQLiteSettings(path: "\(directory)/homeserver.db"))
                    return try await Self.overview(configuration)
                }
            } catch let error as ModuleConfigurationErrors {
                StandardError.print("\(error)")
                throw ExitCode.faultyConfiguration
            } catch let error as ModuleStartError {
                StandardError.print("\(error)")
                throw ExitCode.faultyConfiguration
            }
            for (entry, module) in zip(entries, overview.modules) { Self.show(entry, module, overview) }
        }

        /// Makes the modules on an empty server.
        private static func overview(_ configuration: Configuration) async throws -> ModulesOverview {
            let modules = try await ModuleSet(configuration)
            var generator = SystemRandomNumberGenerator()
            let database = try await configuration.openDatabase()
            let services = try await Services(
                configuration: configuration, database: database, key: SigningKey.generate(using: &generator))
            let running: RunningModules
            do {
                running = try await modules.start(on: services, configuration)
            } catch {
                try? await database.close()
                throw error
            }
            let overview = await running.overview()
            await running.close()
            try await database.close()
            return overview
        }

        private static func show(_ entry: ModuleEntry, _ module: ModuleOverview, _ overview: ModulesOverview) {
            print("\(module.name) (\(module.language.rawValue)), at \(entry.path.joined(separator: "."))")
            let callbacks = module.callbacks.map(\.callback.name)
            print("  callbacks: \(callbacks.isEmpty ? "none" : callbacks.joined(separator: ", "))")
            let paths = overview.webPaths.filter { $0.module == module.name }.map(\.path)
            if !paths.isEmpty { print("  answers at: \(paths.joined(separator: ", "))") }
            let configuration = entry.config.map { String(decoding: $0.encoded(), as: UTF8.self) }
            print("  configuration: \(configuration ?? "none")")
        }
    }
}

/// A folder for a server that is only tried.
private enum TrialServer {
    static func with<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let directory = try Files.makeTemporaryDirectory()
        defer { Files.removeDirectory(directory) }
        return try await body(directory)
    }
}
