import Logging
import ServerConfiguration
import Testing

@testable import App

@Suite struct LogPlanTests {
    /// Reads a logging configuration from text.
    func plan(_ yaml: String, warnings: inout [ConfigurationFault]) throws -> LogPlan {
        let directory = try TemporaryDirectory()
        return try LogConfiguration.read(directory.write("log.config", yaml), warnings: &warnings)
    }

    func faults(_ yaml: String) -> [String] {
        var warnings: [ConfigurationFault] = []
        do {
            _ = try plan(yaml, warnings: &warnings)
            return []
        } catch let error as ConfigurationError {
            return error.faults.map { "\($0.location?.line ?? 0): \($0.option ?? ""): \($0.problem)" }
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `Synapse's usual logging configuration is followed`() throws {
        var warnings: [ConfigurationFault] = []
        let plan = try plan(
            """
            version: 1
            formatters:
              precise:
                format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s'
            handlers:
              file:
                class: logging.handlers.TimedRotatingFileHandler
                formatter: precise
                filename: /var/log/homeserver.log
                when: midnight
                backupCount: 3
                encoding: utf8
              buffer:
                class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler
                target: file
                capacity: 10
                flushLevel: 30
                period: 5
              console: {class: logging.StreamHandler, formatter: precise, level: ERROR}
            loggers:
              synapse.storage.SQL: {level: INFO}
              synapse.access: {level: DEBUG, handlers: [console], propagate: false}
            root:
              level: WARNING
              handlers: [buffer]
            disable_existing_loggers: false
            """, warnings: &warnings)
        #expect(warnings == [])
        try #require(plan.outputs.count == 2)
        let period = try #require(LogPeriod(when: "midnight", interval: 1, utc: false))
        #expect(
            plan.outputs[0].target.kind == .file(path: "/var/log/homeserver.log", .byTime(period, backups: 3)))
        #expect(plan.outputs[1].target.kind == .standardError && plan.outputs[1].level == .error)
        #expect(plan.route(for: "swift-service-lifecycle") == LogPlan.Route(level: .warning, outputs: [0]))
        #expect(plan.route(for: "axolemma.storage.SQL.x") == LogPlan.Route(level: .info, outputs: [0]))
        #expect(plan.route(for: "axolemma.access") == LogPlan.Route(level: .debug, outputs: [1]))
        #expect(plan.route(for: "synapse.accessory") == LogPlan.Route(level: .warning, outputs: [0]))
    }

    @Test func `levels and outputs come from the loggers above`() {
        let outputs = (0..<3).map { _ in LogPlan.standardError().outputs[0] }
        let plan = LogPlan(
            outputs: outputs, root: LogPlan.Branch(level: .error, outputs: [0]),
            branches: [
                "synapse": LogPlan.Branch(level: .info, outputs: [1]),
                "axolemma": LogPlan.Branch(level: .debug),
                "axolemma.a": LogPlan.Branch(outputs: [1, 2]),
                "axolemma.a.b": LogPlan.Branch(propagates: false),
            ])
        #expect(plan.route(for: "axolemma.a.c") == LogPlan.Route(level: .debug, outputs: [1, 2, 0]))
        #expect(plan.route(for: "axolemma.a.b.c") == LogPlan.Route(level: .debug, outputs: []))
        #expect(plan.route(for: "other") == LogPlan.Route(level: .error, outputs: [0]))
    }

    @Test func `JSON formatters and streams are known`() throws {
        var warnings: [ConfigurationFault] = []
        let plan = try plan(
            """
            version: 1
            formatters:
              structured: {class: synapse.logging.TerseJsonFormatter}
              plain: {(): synapse.logging.JsonFormatter}
            handlers:
              out: {class: logging.StreamHandler, stream: "ext://sys.stdout", formatter: structured}
              nothing: {class: logging.NullHandler}
              rotating: {class: logging.handlers.RotatingFileHandler, filename: a.log, maxBytes: 1000, backupCount: 2,
                formatter: plain}
            root: {level: 20, handlers: [out, nothing, rotating]}
            """, warnings: &warnings)
        #expect(warnings == [])
        #expect(plan.root.level == .info && plan.root.outputs == [0, 1])
        #expect(plan.outputs[0].target.kind == .standardOutput)
        #expect(plan.outputs[1].target.kind == .file(path: "a.log", .bySize(bytes: 1000, backups: 2)))
        if case .json(withTime: true) = plan.outputs[0].format {} else { Issue.record("not terse JSON") }
        if case .json(withTime: false) = plan.outputs[1].format {} else { Issue.record("not JSON") }
    }

    @Test func `unknown handlers and formatters are warned about`() throws {
        var warnings: [ConfigurationFault] = []
        let plan = try plan(
            """
            version: 1
            formatters: {odd: {class: my.Oddity}}
            handlers:
              remote: {class: synapse.logging.RemoteHandler, host: localhost}
              file: {class: logging.FileHandler, filename: a.log, formatter: odd}
            root: {handlers: [remote, file]}
            """, warnings: &warnings)
        #expect(warnings.map { $0.option ?? "" }.sorted() == ["formatters.odd.class", "handlers.remote.class"])
        #expect(plan.root.outputs == [0] && plan.outputs.count == 1)
    }

    @Test func `with no usable handler everything goes to standard error`() throws {
        var warnings: [ConfigurationFault] = []
        let plan = try plan("version: 1\n", warnings: &warnings)
        #expect(plan.outputs.map(\.target.kind) == [.standardError] && plan.root.outputs == [0])
        #expect(warnings.count == 1)
    }

    @Test func `faults are told with their lines`() {
        let found = faults(
            """
            version: 2
            handlers:
              a: {class: logging.FileHandler}
              b: {class: logging.StreamHandler, level: LOUD, formatter: missing}
              c: {class: logging.handlers.TimedRotatingFileHandler, filename: x, when: noon}
              d: {class: logging.handlers.MemoryHandler, target: nobody}
            root: {handlers: [z]}
            """)
        #expect(
            found == [
                "1: version: not a logging configuration", "3: handlers.a.filename: missing",
                "4: handlers.b.formatter: there is no formatter 'missing'",
                "4: handlers.b.level: 'LOUD' is not a level",
                "5: handlers.c.when: 'noon' is no time to rotate at",
                "6: handlers.d.target: there is no handler 'nobody'",
                "7: root.handlers: there is no handler 'z'",
            ])
    }
}
