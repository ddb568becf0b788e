import Logging
import ServerConfiguration

/// Reads `log_config`: the YAML form of what Python's `logging.config.dictConfig` takes, as far as it maps onto ours.
struct LogConfiguration {
    private let log: FaultLog
    private var formats: [String: LogFormat] = [:]
    private var outputs: [LogPlan.Output] = []
    /// The output of each handler; `nil` is one that writes nothing.
    private var handlers: [String: Int?] = [:]

    /// - Parameter warnings: Gets what could not be followed.
    /// - Throws: ``ConfigurationError`` with all that is wrong.
    static func read(_ path: String, warnings: inout [ConfigurationFault]) throws(ConfigurationError) -> LogPlan {
        let merged = try ConfigurationFiles.read([path])
        let log = FaultLog()
        var configuration = LogConfiguration(log: log)
        let options = OptionReader(members: merged.members, location: SourceLocation(file: path), log: log)
        let plan = configuration.plan(options)
        warnings += log.warnings
        guard log.errors.isEmpty else { throw ConfigurationError(log.errors) }
        return plan
    }

    private init(log: FaultLog) { self.log = log }

    private mutating func plan(_ options: OptionReader) -> LogPlan {
        if options.integer("version") != 1 {
            options.fail("version", "not a logging configuration", fix: "write 'version: 1'")
        }
        readFormatters(options.options("formatters"))
        readHandlers(options.options("handlers"))
        var branches: [String: LogPlan.Branch] = [:]
        let loggers = options.options("loggers")
        for member in loggers.members {
            guard let section = loggers.section(member.key) else { continue }
            if member.key == "root" {
                // Python takes a logger of this name for the root as well.
                branches[""] = branch(section)
            } else {
                branches[member.key] = branch(section)
            }
        }
        var root = options.section("root").map { branch($0) } ?? branches[""] ?? LogPlan.Branch()
        branches[""] = nil
        if outputs.isEmpty {
            options.warn("handlers", "no handler can be used, so everything goes to standard error")
            outputs = LogPlan.standardError().outputs
            root.outputs = [0]
        }
        return LogPlan(outputs: outputs, root: root, branches: branches)
    }

    private mutating func readFormatters(_ options: OptionReader) {
        for member in options.members {
            guard let section = options.section(member.key) else { continue }
            let type = section.string("()") ?? section.string("class") ?? "logging.Formatter"
            switch type.split(separator: ".").last.map(String.init) {
            case "TerseJsonFormatter": formats[member.key] = .json(withTime: true)
            case "JsonFormatter": formats[member.key] = .json(withTime: false)
            case "Formatter", "LogFormatter":
                if section.string("style") ?? "%" != "%" {
                    section.warn("style", "only formats with % are followed, so the usual one is used")
                    formats[member.key] = .standard
                } else {
                    let format = section.string("format") ?? section.string("fmt") ?? "%(message)s"
                    formats[member.key] = .text(LogPattern(format, dateFormat: section.string("datefmt")))
                }
            default:
                section.warn(
                    section.has("()") ? "()" : "class",
                    "the formatter '\(type)' is not supported, the usual one is used",
                    fix: "use logging.Formatter, synapse.logging.JsonFormatter or synapse.logging.TerseJsonFormatter")
                formats[member.key] = .standard
            }
        }
    }

    private mutating func readHandlers(_ options: OptionReader) {
        var targets: [(name: String, section: OptionReader, target: String)] = []
        for member in options.members {
            guard let section = options.section(member.key) else { continue }
            let type = section.string("class") ?? section.string("()") ?? ""
            switch type.split(separator: ".").last.map(String.init) {
            case "NullHandler": handlers[member.key] = .some(nil)
            case "MemoryHandler", "PeriodicallyFlushingMemoryHandler":
                // Everything is buffered and written soon, so only the way on is of interest.
                if let target = section.text("target") {
                    targets.append((member.key, section, target))
                } else {
                    section.fail("target", "missing", fix: "name the handler that the lines are meant for")
                }
            default:
                guard let target = target(type, section) else { continue }
                handlers[member.key] = outputs.count
                outputs.append(
                    LogPlan.Output(target: target, format: format(section), level: level(section) ?? .trace))
            }
        }
        for (name, section, target) in targets {
            if let output = handlers[target] {
                handlers[name] = output
            } else {
                section.fail("target", "there is no handler '\(target)'", fix: "name one of the other handlers")
            }
        }
    }

    private func target(_ type: String, _ options: OptionReader) -> LogTarget? {
        switch type.split(separator: ".").last.map(String.init) {
        case "StreamHandler":
            switch options.string("stream") ?? "ext://sys.stderr" {
            case "ext://sys.stdout": return LogTarget(kind: .standardOutput)
            case "ext://sys.stderr": return LogTarget(kind: .standardError)
            default:
                options.fail("stream", "not a stream", fix: "use 'ext://sys.stdout' or 'ext://sys.stderr'")
                return nil
            }
        case "FileHandler": return file(options, .never)
        case "WatchedFileHandler": return file(options, .watched)
        case "RotatingFileHandler":
            return file(
                options,
                .bySize(
                    bytes: options.integer("maxBytes", in: 0...Int.max) ?? 0,
                    backups: options.integer("backupCount") ?? 0))
        case "TimedRotatingFileHandler":
            let when = options.string("when") ?? "h"
            let period = LogPeriod(
                when: when, interval: options.integer("interval", in: 1...1_000_000) ?? 1,
                utc: options.bool("utc", default: false))
            guard let period else {
                options.fail("when", "'\(when)' is no time to rotate at", fix: "use S, M, H, D, midnight, or W0 to W6")
                return nil
            }
            return file(options, .byTime(period, backups: options.integer("backupCount") ?? 0))
        default:
            options.warn(
                "class", "the handler '\(type)' is not supported, nothing is written to it",
                fix: "use StreamHandler, FileHandler or one of the rotating ones")
            return nil
        }
    }

    private func file(_ options: OptionReader, _ rotation: LogTarget.LogRotation) -> LogTarget? {
        guard let path = options.text("filename") else {
            if !options.has("filename") { options.fail("filename", "missing", fix: "name the log file") }
            return nil
        }
        return LogTarget(kind: .file(path: path, rotation))
    }

    private func format(_ options: OptionReader) -> LogFormat {
        guard let name = options.text("formatter") else { return .text(LogPattern("%(message)s")) }
        if let format = formats[name] { return format }
        options.fail("formatter", "there is no formatter '\(name)'", fix: "define it under 'formatters'")
        return .standard
    }

    private func level(_ options: OptionReader) -> Logger.Level? {
        guard let node = options.node("level") else { return nil }
        if case .integer(let number) = node.value { return Logger.Level(pythonNumber: Int(clamping: number)) }
        guard let name = options.string("level") else { return nil }
        if let level = Logger.Level(pythonName: name) { return level }
        options.fail("level", "'\(name)' is not a level", fix: "use DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return nil
    }

    private func branch(_ options: OptionReader) -> LogPlan.Branch {
        var branch = LogPlan.Branch(level: level(options), propagates: options.bool("propagate", default: true))
        for name in options.strings("handlers") ?? [] {
            switch handlers[name] {
            case .some(.some(let output)): branch.outputs.append(output)
            case .some(.none): break
            case .none:
                // One that is not supported has been warned about.
                if !log.warnings.contains(where: { $0.option == "handlers.\(name).class" }) {
                    options.fail("handlers", "there is no handler '\(name)'", fix: "define it under 'handlers'")
                }
            }
        }
        return branch
    }
}
