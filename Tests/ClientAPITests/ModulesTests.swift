import AdminAPI
import Logging
import MatrixCore
import Testing
import WebServer

@testable import Homeserver

@Suite struct ModulesTests {
    private let registry: ModuleRegistry

    init() {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        registry = ModuleRegistry(runner: CallbackRunner(log: log), log: log)
    }

    private func answer(_ overview: ModulesOverview) async throws -> String {
        String(decoding: await Modules(overview: { overview }).page().encoded(), as: UTF8.self)
    }

    @Test func `the page of the modules is for administrators`() throws {
        let modules = Modules(overview: { ModulesOverview(modules: []) })
        let endpoint = try #require(modules.endpoints.first)
        #expect(modules.endpoints.count == 1)
        #expect(endpoint.path == "/_axolemma/admin/v1/modules")
        #expect(endpoint.access == .admin)
        #expect(endpoint.resource == .administration)
    }

    @Test func `a module is shown with its callbacks, their times and its web paths`() async throws {
        let callback = CallbackOverview(
            callback: .checkEventForSpam, calls: 10, denials: 2, failures: 1, timeouts: 3, p50: .microseconds(1_500),
            p90: .milliseconds(2), p99: nil)
        let modules = [
            ModuleOverview(name: "a.B", language: .python, callbacks: [callback]),
            ModuleOverview(name: "Quiet", language: .swift, callbacks: []),
        ]
        let paths = [(module: "Quiet", path: "/x"), (module: "a.B", path: "/y"), (module: "Quiet", path: "/z")]
        let shown = try await answer(ModulesOverview(modules: modules, webPaths: paths))
        let first = #"""
            {"name":"a.B","language":"python","callbacks":[{"name":"check_event_for_spam","calls":10,"denials":2,"failures":1,"timeouts":3,"p50_ms":1.5,"p90_ms":2.0,"p99_ms":null}],"web_paths":["/y"]}
            """#
        let second = #"{"name":"Quiet","language":"swift","callbacks":[],"web_paths":["/x","/z"]}"#
        #expect(shown == #"{"modules":[\#(first),\#(second)],"python":null}"#)
    }

    @Test func `the process of Python modules is shown`() async throws {
        let running = PythonHostOverview(
            state: .running, processID: 42, restarts: 1, residentBytes: 50_000_000, pendingCalls: 7)
        let shown = try await answer(ModulesOverview(modules: [], python: running))
        let host = #"{"state":"running","pid":42,"restarts":1,"rss_bytes":50000000,"pending_calls":7}"#
        #expect(shown == #"{"modules":[],"python":\#(host)}"#)
        let down = try await answer(ModulesOverview(modules: [], python: PythonHostOverview(state: .down)))
        let nothing = #"{"state":"down","pid":null,"restarts":0,"rss_bytes":null,"pending_calls":0}"#
        #expect(down == #"{"modules":[],"python":\#(nothing)}"#)
    }

    @Test func `what the registry counts is what is shown`() async throws {
        registry.add(module: "Denier", language: .swift)
        let overview = ModulesOverview(modules: registry.overview())
        let shown = try await answer(overview)
        #expect(
            shown == #"{"modules":[{"name":"Denier","language":"swift","callbacks":[],"web_paths":[]}],"python":null}"#)
    }
}
