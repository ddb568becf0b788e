package import Logging
package import MatrixCore
package import ModuleAPI

/// What modules may do to the server, implemented by the services that can.
package protocol ModuleHost: Sendable {
    /// Makes and sends an event for a module, without rate limits, past shadow bans, authorized as its sender, and put to
    /// every module like any other event.
    /// - Returns: The event; if it is state that changes nothing, the event already there.
    func createAndSendEvent(_ event: NewEvent) async throws -> Event

    /// The state of a room now; empty if there is no such room.
    func currentState(of room: RoomID) async throws -> StateMap
}

/// One module's way to the server.
package struct HostedModuleContext: ModuleContext {
    package let serverName: ServerName
    package let log: ModuleLog
    private let module: String
    private let registry: ModuleRegistry
    private let host: any ModuleHost

    package init(
        module: String, serverName: ServerName, registry: ModuleRegistry, host: any ModuleHost, log: Logger
    ) {
        self.module = module
        self.serverName = serverName
        self.registry = registry
        self.host = host
        self.log = ModuleLog(module: module, writingTo: log)
    }

    package func register(_ spamChecker: SpamChecker) { registry.register(spamChecker, of: module) }
    package func register(_ rules: ThirdPartyRules) { registry.register(rules, of: module) }

    package func createAndSendEventIntoRoom(_ event: NewEvent) async throws -> Event {
        guard event.type != .member else {
            throw MatrixError(
                status: 500, code: .unknown, message: "Tried to send member event through non-member codepath")
        }
        return try await host.createAndSendEvent(event)
    }

    package func roomState(_ roomID: RoomID) async throws -> StateMap {
        try await host.currentState(of: roomID)
    }
}

extension ModuleLog {
    /// A module's part of the server's log.
    fileprivate init(module: String, writingTo log: Logger) {
        var log = log
        log[metadataKey: "module"] = "\(module)"
        self.init(isEnabled: { [log] in log.logLevel <= $0.loggerLevel }) { [log] level, message in
            log.log(level: level.loggerLevel, "\(message)")
        }
    }
}

extension ModuleLog.Level {
    fileprivate var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
