import AdminAPI
import Homeserver
import Logging
import MatrixCore
import SQLEngine
import ServerConfiguration
import ServiceLifecycle
import UnixSignals
import WebServer

/// Runs the server until it is told to stop.
func serve(configuration: Configuration) async throws {
    let log = Logger(label: "axolemma")
    let modules = try await ModuleSet(configuration)
    guard let key = configuration.signingKeys.first else {
        throw ConfigurationError(
            ConfigurationFault(option: "signing_key_path", problem: "the server has no key to sign events with"))
    }
    let (database, services, running) = try await start(modules, configuration, key)
    let notifier = ServiceNotifier()
    let server = try WebServer(
        listeners: configuration.httpListeners,
        endpoints: services.endpoints(configuration) + [Modules(overview: running.overview)], mounts: running.mounts,
        authenticator: TokenAuthenticator(tokens: services.tokens, blocking: configuration.blocking),
        configuration: WebServer.Configuration(version: Version.current), metrics: services.metrics, logger: log,
        accessLogger: Logger(label: "axolemma.access"),
        onReady: { listeners in
            for listener in listeners {
                let scheme = listener.isTLS ? "https" : "http"
                let place = listener.port.map { "\(scheme)://\(listener.address):\($0)" } ?? listener.address
                log.info("Listening on \(place)")
            }
            notifier.ready()
            StartupCode.release()
        })

    // What modules need while they are called comes first, and is thus stopped last.
    let forModules = running.services.map { service in
        ServiceGroupConfiguration.ServiceConfiguration(service: service, successTerminationBehavior: .ignore)
    }
    var group = ServiceGroupConfiguration(
        services: forModules + [
            .init(service: services.lastSeen, successTerminationBehavior: .ignore),
            .init(service: services.accountUpkeep, successTerminationBehavior: .ignore),
            .init(service: services.deactivation, successTerminationBehavior: .ignore),
            .init(service: services.timeouts, successTerminationBehavior: .ignore),
            .init(service: services.moduleFeed, successTerminationBehavior: .ignore),
            .init(service: services.stateUpkeep, successTerminationBehavior: .ignore),
            .init(service: HangUp(server: server), successTerminationBehavior: .ignore),
            .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
        ], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "axolemma.services"))
    group.maximumGracefulShutdownDuration = .seconds(18)
    do {
        try await ServiceGroup(configuration: group).run()
    } catch let error as ListenError {
        await running.close()
        try? await database.close()
        throw ConfigurationError(ConfigurationFault(option: "listeners", problem: error.description))
    }
    notifier.stopping()
    await running.close()
    try await database.close()
    log.info("Stopped")
}

/// Opens the database, builds the services on it and makes the modules.
private func start(
    _ modules: ModuleSet, _ configuration: Configuration, _ key: SigningKey
) async throws -> (any Database, Services, RunningModules) {
    let database: any Database
    do {
        database = try await openDatabase(configuration)
    } catch {
        await modules.discard()
        throw error
    }
    do {
        let services = try await Services(configuration: configuration, database: database, key: key)
        return (database, services, try await modules.start(on: services, configuration))
    } catch {
        await modules.discard()
        try? await database.close()
        throw error
    }
}

private func openDatabase(_ configuration: Configuration) async throws -> any Database {
    do {
        return try await configuration.openDatabase()
    } catch let error as SQLError {
        throw ConfigurationError(
            ConfigurationFault(option: "database", problem: "the database cannot be opened: \(error)"))
    }
}

/// Answers for the web server whose token a request bears.
private struct TokenAuthenticator: Authenticator {
    let tokens: AccessTokenService
    let blocking: BlockingSettings

    func requester(forToken token: String, address: String, userAgent: String?) async throws -> Requester {
        let requester = try await tokens.requester(forToken: token, address: address, userAgent: userAgent)
        guard blocking.isDisabled, !requester.isAdmin else { return requester }
        var fields: JSONObject = ["limit_type": "hs_disabled"]
        fields["admin_contact"] = blocking.adminContact.map { .string($0) }
        throw MatrixError(
            status: 403, code: "M_RESOURCE_LIMIT_EXCEEDED", message: blocking.message, fields: fields)
    }

    func checkValidity(of requester: Requester) async throws { try await tokens.checkValidity(of: requester) }
}

/// Opens log files and certificates again on SIGHUP.
private struct HangUp: Service {
    let server: WebServer

    func run() async throws {
        let log = Logger(label: "axolemma")
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            let notifier = ServiceNotifier()
            notifier.reloading()
            LogSystem.reopen()
            do {
                try server.reloadCertificates()
            } catch {
                log.error("The old certificate stays in use: \(error)")
            }
            log.info("Log files and certificates were opened again")
            notifier.ready()
        }
    }
}
