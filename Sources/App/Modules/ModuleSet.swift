import AdminAPI
import Homeserver
import Logging
import MatrixCore
import ModuleAPI
import Outbound
import PythonHost
import SQLEngine
import ServerConfiguration
import ServiceLifecycle
import WebServer

/// The configured modules, from the reading of their configurations on.
struct ModuleSet: Sendable {
    private let prepared: [ModuleLoader.Prepared]
    /// The process that Python modules run in; `nil` if there are none.
    private let python: PythonModuleHost?

    /// Has every module read its configuration, before anything is opened. This starts the process of Python modules.
    /// - Throws: ``ModuleConfigurationErrors`` with everything that is wrong.
    init(_ configuration: Configuration) async throws(ModuleConfigurationErrors) {
        let entries = configuration.modules.map { entry in
            ModuleLoader.Entry(
                entry.name, configuration: entry.config, path: entry.path, isForeignOnly: entry.kind != .module)
        }
        let needsPython = ModuleLoader().needsForeignHost(entries)
        python = needsPython ? PythonModuleHost(configuration) : nil
        do throws(ModuleConfigurationErrors) {
            prepared = try await ModuleLoader(foreign: python).prepare(entries)
        } catch {
            await python?.modules.stop()
            throw error
        }
    }

    /// Makes the modules on the services, which are not served yet.
    /// - Throws: ``ModuleStartError``, or what keeps the database from being opened for them.
    func start(on services: Services, _ configuration: Configuration) async throws -> RunningModules {
        let log = Logger(label: "axolemma.modules")
        let tables = ModuleTables(try await configuration.moduleTablesPlace(services.database))
        let client = OutboundClient(.init(userAgent: "Axolemma/\(Version.current)"))
        let background = BackgroundCallsService(log: log)
        let offered = services.offeredToModules(
            configuration, tables: tables, http: ModuleHTTPClient(client: client), background: background)
        let running = RunningModules(
            registry: services.registry, tables: tables, client: client, background: background, python: python)
        do {
            if let python { try await python.modules.open(tables.place.hostDescription) }
            try await services.registry.load(
                prepared,
                context: { module in
                    HostedModuleContext(
                        module: module.name, language: module.language, services: offered,
                        registry: services.registry, log: log)
                }, log: log)
            services.registry.closeWebResources()
            if let python { try await python.modules.started() }
        } catch {
            await running.close()
            throw error
        }
        return running
    }

    /// Ends what reading the configurations began, if the modules are not to be made.
    func discard() async { await python?.modules.stop() }
}

/// The modules that were made, and what runs for them.
struct RunningModules: Sendable {
    let registry: ModuleRegistry
    let tables: ModuleTables
    let client: OutboundClient
    let background: BackgroundCallsService
    let python: PythonModuleHost?

    /// What has to run while the server does; what comes first is stopped last.
    var services: [any Service] {
        let others: [any Service] = [background]
        return (python.map { [$0.modules] } ?? []) + others
    }

    /// Where modules answer requests.
    var mounts: [Mount] { registry.webResources.map { Mount($0.resource) } }

    /// What administrators may know.
    @Sendable func overview() async -> ModulesOverview {
        ModulesOverview(
            modules: registry.overview(),
            webPaths: registry.webResources.map { (module: $0.module, path: $0.resource.path) },
            python: python.map { PythonHostOverview($0.modules.status) })
    }

    /// Ends what is left once the services have stopped.
    func close() async {
        await background.stop()
        await python?.modules.stop()
        await client.shutdown()
        try? await tables.close()
    }
}

extension PythonHostOverview {
    fileprivate init(_ status: PythonProcessStatus) {
        let state: State =
            switch status.state {
            case .running: .running
            case .restarting: .restarting
            case .down: .down
            case .stopped: .stopped
            }
        self.init(
            state: state, processID: status.processID, restarts: status.restarts,
            residentBytes: status.residentBytes, pendingCalls: status.pendingCalls)
    }
}

extension Services {
    /// What modules may ask of the server.
    fileprivate func offeredToModules(
        _ configuration: Configuration, tables: ModuleTables, http: any HTTPClient, background: BackgroundCallsService
    ) -> ModuleServices {
        ModuleServices(
            serverName: configuration.serverName, publicBaseURL: configuration.wellKnown.publicBaseURL,
            emailAppName: configuration.moduleView.emailAppName,
            users: UsersForModules(
                database: database,
                services: .init(
                    accounts: accounts, tokens: tokens, loginTokens: loginTokens, devices: devices, profiles: profiles,
                    limits: limiter, deactivation: deactivation)),
            rooms: RoomsForModules(
                database: database, sender: sender, rooms: rooms, memberships: memberships, creation: creation,
                directory: directory),
            publicRooms: PublishedRoomsForModules(directory: directory),
            accountData: AccountDataForModules(accountData: accountData, serverName: configuration.serverName),
            database: tables, http: http, background: background)
    }
}
