import MatrixCore

/// Holds a configuration's options against the table of known ones.
struct OptionCheck {
    let log: FaultLog
    /// The options that ask for something not supported yet, in the order of the files.
    private(set) var unsupported: [(name: String, location: SourceLocation)] = []

    init(log: FaultLog) { self.log = log }

    /// Checks the members of the mapping called `path`, and those of the used options among them.
    mutating func check(_ members: [SourceMember], path: String = "") {
        for member in members {
            let name = path.isEmpty ? member.key : "\(path).\(member.key)"
            guard let option = OptionTable.byName[name] else {
                log.warn(
                    ConfigurationFault(
                        at: member.location, option: name, problem: "unknown option, ignored",
                        fix: suggestion(for: member.key, in: path).map { "did you mean '\($0)'?" }))
                continue
            }
            switch option.status {
            case .used: descend(into: member.value, name: name)
            case .ignored: break
            case .unsupported:
                if option.asksForSomething(member.value.json) { unsupported.append((name, member.location)) }
                for below in member.value.members ?? [] { refuse(below, name: "\(name).\(below.key)") }
            case .refused: refuse(member, name: name)
            }
        }
    }

    /// Reports an option that may not be ignored.
    private func refuse(_ member: SourceMember, name: String) {
        guard let option = OptionTable.byName[name], case .refused(let reason) = option.status,
            option.asksForSomething(member.value.json)
        else { return }
        log.error(
            ConfigurationFault(
                at: member.location, option: name, problem: "not supported, and not safe to ignore: \(reason)",
                fix: "remove it only if the server is safe without"))
    }

    private mutating func descend(into value: SourceNode, name: String) {
        // An option without known members is free-form.
        guard OptionTable.parents.contains(name) else { return }
        if let members = value.members { check(members, path: name) }
        for element in value.array ?? [] {
            if let members = element.members { check(members, path: name) }
        }
    }

    /// The known option that was probably meant: one spelled alike beside it, or one of this name elsewhere.
    private func suggestion(for key: String, in path: String) -> String? {
        // Numbers of proposals are too much alike to guess.
        guard path != "experimental_features" else { return nil }
        let prefix = path.isEmpty ? "" : "\(path)."
        var best: (name: String, distance: Int)?
        for name in OptionTable.names where name.hasPrefix(prefix) {
            let candidate = name.dropFirst(prefix.count)
            guard !candidate.contains(".") else { continue }
            let distance = editDistance(Array(key.utf8), Array(candidate.utf8))
            if distance <= max(1, key.utf8.count / 4), distance < best?.distance ?? .max { best = (name, distance) }
        }
        if let best { return best.name }
        return OptionTable.names.first { $0 == key || $0.hasSuffix(".\(key)") }
    }
}

extension OptionTable {
    /// All names in order, so that what is suggested does not depend on a dictionary's order.
    fileprivate static let names: [String] = byName.keys.sorted()

    /// The names that others lie below.
    fileprivate static let parents: Set<String> = Set(
        names.compactMap { name in name.lastIndex(of: ".").map { String(name[..<$0]) } })
}

/// The number of bytes to insert, remove, replace or swap with the next to get from one word to the other.
func editDistance(_ from: [UInt8], _ to: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: to.count + 1)
    var last = Array(0...to.count)
    for i in from.indices {
        var row = [i + 1] + [Int](repeating: 0, count: to.count)
        for j in to.indices {
            row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + (from[i] == to[j] ? 0 : 1))
            if i > 0, j > 0, from[i] == to[j - 1], from[i - 1] == to[j] {
                row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
            }
        }
        (beforeLast, last) = (last, row)
    }
    return last[to.count]
}
