import MatrixCore
import Yams

/// Reads one YAML (or JSON) document into ``SourceNode``s.
///
/// Plain scalars are read as YAML 1.1 has them, as Synapse does: `yes`, `no`, `on` and `off` are booleans, `0600` is octal.
/// A mapping with a key twice is an error, since one of the two was surely meant for something else.
package enum YAMLReader {
    /// The most bytes, values (aliases count each time they are used) and levels one file may have.
    package static let maximumBytes = 4 << 20
    static let maximumNodes = 200_000
    static let maximumDepth = 64

    /// Reads `bytes`; `nil` if they hold no document.
    package static func read(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> SourceNode? {
        guard bytes.count <= maximumBytes else {
            throw ConfigurationError(
                ConfigurationFault(at: SourceLocation(file: file), problem: "larger than \(maximumBytes >> 20) MiB"))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(
                ConfigurationFault(
                    at: SourceLocation(file: file), problem: "not UTF-8 text", fix: "save the file as UTF-8"))
        }
        do {
            // The basic resolver leaves scalars alone, without the regular expressions of the default one.
            guard let root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot() else { return nil }
            var conversion = Conversion(file: file)
            return try conversion.convert(root, depth: 0)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            // libyaml knows neither tabs as indentation nor surrogate escapes, both fine in JSON.
            if bytes.first(where: { $0 != 0x20 && !(0x09...0x0D).contains($0) }) == UInt8(ascii: "{"),
                let json = try? JSON.parse(bytes)
            {
                return SourceNode(json, at: SourceLocation(file: file))
            }
            throw ConfigurationError(fault(for: error, file: file))
        }
    }

    private static func fault(for error: any Error, file: String) -> ConfigurationFault {
        func at(_ mark: Mark?) -> SourceLocation { SourceLocation(file: file, line: mark?.line) }
        guard let error = error as? YamlError else {
            return ConfigurationFault(at: at(nil), problem: "cannot be read as YAML: \(error)")
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let during = context.map { " (\($0.text) that begins on line \($0.mark.line))" } ?? ""
            return ConfigurationFault(
                at: at(mark), problem: "not valid YAML: \(problem)\(during)",
                fix: "check the indentation, colons and quotes on this line and the one before it")
        case .duplicatedKeysInMapping(let keys, let context):
            return ConfigurationFault(
                at: at(context.mark), option: keys.first, problem: "given more than once in the same mapping",
                fix: "keep one of them")
        case .reader(let problem, let offset, _, let yaml):
            let line = offset.map { offset in
                1 + yaml.utf8.prefix(offset).reduce(into: 0) { if $1 == 0x0A { $0 += 1 } }
            }
            return ConfigurationFault(
                at: SourceLocation(file: file, line: line), problem: "not valid YAML: \(problem)",
                fix: "remove the character")
        default:
            return ConfigurationFault(at: at(nil), problem: "cannot be read as YAML: \(error)")
        }
    }
}

/// Turns Yams' nodes into ours, within the limits of ``YAMLReader``.
private struct Conversion {
    let file: String
    var nodes = 0

    mutating func convert(_ node: Node, depth: Int) throws(ConfigurationError) -> SourceNode {
        let location = SourceLocation(file: file, line: node.mark?.line)
        nodes += 1
        guard nodes <= YAMLReader.maximumNodes, depth <= YAMLReader.maximumDepth else {
            throw ConfigurationError(
                ConfigurationFault(
                    at: location, problem: "too many values, or nested too deeply",
                    fix: "aliases ('*name') repeat all they stand for; write out less"))
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(YAMLScalar.value(of: scalar), at: location)
        case .sequence(let sequence):
            var elements: [SourceNode] = []
            elements.reserveCapacity(sequence.count)
            for element in sequence { elements.append(try convert(element, depth: depth + 1)) }
            return SourceNode(.array(elements), at: location)
        case .mapping(let mapping):
            return SourceNode(.object(try members(of: mapping, depth: depth)), at: location)
        case .alias:
            // The parser replaces aliases by what they stand for.
            throw ConfigurationError(ConfigurationFault(at: location, problem: "unresolved alias"))
        }
    }

    private mutating func members(
        of mapping: Node.Mapping, depth: Int
    ) throws(ConfigurationError) -> [SourceMember] {
        var members: [SourceMember] = []
        var merged: [SourceMember] = []
        members.reserveCapacity(mapping.count)
        for (key, value) in mapping {
            let location = SourceLocation(file: file, line: key.mark?.line)
            guard case .scalar(let scalar) = key else {
                throw ConfigurationError(
                    ConfigurationFault(at: location, problem: "a list or mapping cannot be an option's name"))
            }
            let converted = try convert(value, depth: depth + 1)
            if scalar.string == "<<", scalar.style == .plain {
                for source in converted.array ?? [converted] {
                    guard let added = source.members else {
                        throw ConfigurationError(
                            ConfigurationFault(at: location, problem: "'<<' merges mappings, not \(source.kind)"))
                    }
                    for member in added where !merged.contains(where: { $0.key == member.key }) {
                        merged.append(member)
                    }
                }
            } else {
                members.append(SourceMember(key: scalar.string, location: location, value: converted))
            }
        }
        // What the mapping says itself counts more than what it merges in.
        for member in merged where !members.contains(where: { $0.key == member.key }) { members.append(member) }
        return members
    }
}
