import Logging

/// What is logged, how it looks and where it goes.
struct LogPlan: Sendable {
    struct Output: Sendable {
        var target: LogTarget
        var format: LogFormat
        /// Less important records are left out.
        var level: Logger.Level = .trace
    }

    /// The settings of one logger and those below it.
    struct Branch: Sendable {
        /// `nil` is the level of the logger above.
        var level: Logger.Level?
        var outputs: [Int] = []
        /// Whether records also go to the outputs of the loggers above.
        var propagates = true
    }

    /// What a logger does, once all loggers above it are taken into account.
    struct Route: Sendable, Equatable {
        var level: Logger.Level
        var outputs: [Int]
    }

    var outputs: [Output]
    var root: Branch
    /// By the loggers' names.
    var branches: [String: Branch] = [:]

    /// Everything to standard error.
    static func standardError(_ format: LogFormat = .standard, level: Logger.Level = .info) -> LogPlan {
        LogPlan(
            outputs: [Output(target: LogTarget(kind: .standardError), format: format)],
            root: Branch(level: level, outputs: [0]))
    }

    /// Where records of the logger called `label` go.
    ///
    /// Names form a tree by their dots. A logger of ours, `axolemma.x`, also follows what is said about `synapse.x`, so
    /// that an existing configuration works; what is said about `axolemma.x` itself counts first.
    func route(for label: String) -> Route {
        var level: Logger.Level?
        var outputs: [Int] = []
        var name = Substring(label)
        while true {
            let found = names(for: name).compactMap { branches[$0] }
            for branch in found {
                level = level ?? branch.level
                for output in branch.outputs where !outputs.contains(output) { outputs.append(output) }
            }
            if found.contains(where: { !$0.propagates }) {
                return Route(level: level ?? inheritedLevel(of: name), outputs: outputs)
            }
            guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { break }
            name = name[..<dot]
        }
        for output in root.outputs where !outputs.contains(output) { outputs.append(output) }
        return Route(level: level ?? root.level ?? .warning, outputs: outputs)
    }

    /// The level of the loggers above one that does not propagate; the level is inherited all the same.
    private func inheritedLevel(of name: Substring) -> Logger.Level {
        var name = name
        while let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) {
            name = name[..<dot]
            for above in names(for: name) { if let level = branches[above]?.level { return level } }
        }
        return root.level ?? .warning
    }

    private func names(for name: Substring) -> [String] {
        let ours = "axolemma"
        if name == ours { return [ours, "synapse"] }
        return name.hasPrefix(ours + ".") ? [String(name), "synapse" + name.dropFirst(ours.count)] : [String(name)]
    }
}
