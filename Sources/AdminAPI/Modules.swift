import Homeserver
package import MatrixCore
package import WebServer

/// What modules there are, what they registered, and how their callbacks fare. Synapse has no such page.
package struct Modules: EndpointGroup {
    private let overview: @Sendable () async -> ModulesOverview

    /// - Parameter overview: Called for each request.
    package init(overview: @escaping @Sendable () async -> ModulesOverview) { self.overview = overview }

    package var endpoints: [Endpoint] { [.get("/_axolemma/admin/v1/modules", .admin, getModules)] }

    /// Describes every module, in the order of the configuration.
    @Sendable func getModules(_ call: Call) async throws -> Reply { .json(await page()) }

    package func page() async -> JSONObject {
        let overview = await overview()
        let modules = overview.modules.map { module in
            Self.json(module, paths: overview.webPaths.filter { $0.module == module.name }.map(\.path))
        }
        return ["modules": .array(modules), "python": overview.python.map(Self.json) ?? .null]
    }

    private static func json(_ module: ModuleOverview, paths: [String]) -> JSON {
        [
            "name": .string(module.name), "language": .string(module.language.rawValue),
            "callbacks": .array(module.callbacks.map(json)), "web_paths": .array(paths.map { .string($0) }),
        ]
    }

    private static func json(_ callback: CallbackOverview) -> JSON {
        [
            "name": .string(callback.callback.name), "calls": json(callback.calls),
            "denials": json(callback.denials), "failures": json(callback.failures),
            "timeouts": json(callback.timeouts), "p50_ms": milliseconds(callback.p50),
            "p90_ms": milliseconds(callback.p90), "p99_ms": milliseconds(callback.p99),
        ]
    }

    private static func json(_ host: PythonHostOverview) -> JSON {
        [
            "state": .string(host.state.rawValue), "pid": json(host.processID), "restarts": json(host.restarts),
            "rss_bytes": json(host.residentBytes), "pending_calls": json(host.pendingCalls),
        ]
    }

    private static func json(_ number: (some BinaryInteger)?) -> JSON {
        number.map { .integer(Int64(clamping: $0)) } ?? .null
    }

    /// A time in milliseconds, to the microsecond; null if nothing was timed.
    private static func milliseconds(_ duration: Duration?) -> JSON {
        guard let duration else { return .null }
        return .double((duration / .microseconds(1)).rounded() / 1_000)
    }
}
