package import MatrixCore

/// Collects what is wrong while a configuration is read, so that all of it can be told at once.
package final class FaultLog {
    package private(set) var errors: [ConfigurationFault] = []
    package private(set) var warnings: [ConfigurationFault] = []

    package init() {}

    package func error(_ fault: ConfigurationFault) { errors.append(fault) }
    package func warn(_ fault: ConfigurationFault) { warnings.append(fault) }
}

/// Reads the typed options of one mapping.
///
/// A value of the wrong type goes to the log, and the reader answers as if the option were absent. An option that is
/// `null` is absent.
package struct OptionReader {
    package let members: [SourceMember]
    /// The mapping's own dotted name; empty for the whole configuration.
    package let path: String
    package let location: SourceLocation?
    package let log: FaultLog

    package init(members: [SourceMember], path: String = "", location: SourceLocation? = nil, log: FaultLog) {
        (self.members, self.path, self.location, self.log) = (members, path, location, log)
    }

    /// The full name of an option of this mapping.
    package func name(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    package func node(_ key: String) -> SourceNode? {
        members.first { $0.key == key }.flatMap { $0.value.isNull ? nil : $0.value }
    }

    package func has(_ key: String) -> Bool { node(key) != nil }

    /// Logs an error about an option of this mapping.
    package func fail(_ key: String, _ problem: String, fix: String? = nil) {
        log.error(
            ConfigurationFault(at: node(key)?.location ?? location, option: name(of: key), problem: problem, fix: fix))
    }

    /// Logs a warning about an option of this mapping.
    package func warn(_ key: String, _ problem: String, fix: String? = nil) {
        log.warn(
            ConfigurationFault(at: node(key)?.location ?? location, option: name(of: key), problem: problem, fix: fix))
    }

    private func wrongType(_ key: String, _ node: SourceNode, expected: String, fix: String?) {
        fail(key, "expected \(expected), found \(node.kind)", fix: fix)
    }
}

extension OptionReader {
    package func bool(_ key: String) -> Bool? {
        guard let node = node(key) else { return nil }
        if case .bool(let value) = node.value { return value }
        wrongType(key, node, expected: "true or false", fix: "write 'true' or 'false', without quotes")
        return nil
    }

    package func bool(_ key: String, default value: Bool) -> Bool { bool(key) ?? value }

    package func string(_ key: String) -> String? {
        guard let node = node(key) else { return nil }
        if case .string(let value) = node.value { return value }
        wrongType(key, node, expected: "a string", fix: "put the value in quotes")
        return nil
    }

    /// A string that may not be empty.
    package func text(_ key: String) -> String? {
        guard let value = string(key) else { return nil }
        if !value.isEmpty { return value }
        fail(key, "is empty", fix: "give it a value or remove the line")
        return nil
    }

    /// A whole number within `range`.
    package func integer(_ key: String, in range: ClosedRange<Int> = 0...Int(Int32.max)) -> Int? {
        guard let node = node(key) else { return nil }
        guard case .integer(let value) = node.value else {
            wrongType(key, node, expected: "a whole number", fix: "write digits only, without quotes")
            return nil
        }
        if let integer = Int(exactly: value), range.contains(integer) { return integer }
        let (least, most) = (range.lowerBound, range.upperBound)
        fail(key, "\(value) is out of range", fix: "use a number from \(least) to \(most)")
        return nil
    }

    /// A number that is not negative, with or without a fraction.
    package func number(_ key: String) -> Double? {
        guard let node = node(key) else { return nil }
        let value: Double
        switch node.value {
        case .integer(let integer): value = Double(integer)
        case .double(let double): value = double
        default:
            wrongType(key, node, expected: "a number", fix: "write it without quotes")
            return nil
        }
        if value >= 0, value.isFinite { return value }
        fail(key, "is negative or not a number", fix: "use 0 or more")
        return nil
    }

    package func duration(_ key: String) -> Duration? {
        guard let node = node(key) else { return nil }
        switch node.value {
        case .integer(let value) where value >= 0: return .milliseconds(value)
        case .string(let text):
            if let duration = Units.duration(text) { return duration }
        default: break
        }
        fail(
            key, "is not a duration",
            fix: "write a number followed by s, m, h, d, w or y, such as '5m', or a number of milliseconds")
        return nil
    }

    /// A duration that may also be `infinity`, which is `nil` here, as is an absent option.
    package func durationOrInfinity(_ key: String) -> Duration? {
        node(key)?.string == "infinity" ? nil : duration(key)
    }

    /// A size in bytes.
    package func size(_ key: String) -> Int? {
        guard let node = node(key) else { return nil }
        switch node.value {
        case .integer(let value) where value >= 0: return Int(exactly: value)
        case .string(let text):
            if let size = Units.size(text) { return size }
        default: break
        }
        fail(key, "is not a size", fix: "write a number of bytes, or one followed by K, M, G or T, such as '50M'")
        return nil
    }

    /// One of several words.
    package func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) -> Choice?
    where Choice.RawValue == String {
        guard let text = string(key) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        fail(
            key, "'\(text)' is not known", fix: "use one of: \(Choice.allCases.map(\.rawValue).joined(separator: ", "))"
        )
        return nil
    }

    package func strings(_ key: String) -> [String]? {
        guard let node = node(key) else { return nil }
        guard let elements = node.array else {
            wrongType(key, node, expected: "a list of strings", fix: "write '\(key): [first, second]'")
            return nil
        }
        let strings = elements.compactMap(\.string)
        if strings.count == elements.count { return strings }
        fail(key, "holds something that is not a string", fix: "put every entry in quotes")
        return nil
    }

    /// A free-form mapping.
    package func object(_ key: String) -> JSONObject? {
        guard let node = node(key) else { return nil }
        if case .object(let object) = node.json { return object }
        wrongType(key, node, expected: "a mapping", fix: "write 'name: value' pairs, indented, on the lines below")
        return nil
    }

    /// The options of a nested mapping.
    package func section(_ key: String) -> OptionReader? {
        guard let node = node(key) else { return nil }
        if let members = node.members {
            return OptionReader(members: members, path: name(of: key), location: node.location, log: log)
        }
        wrongType(key, node, expected: "a mapping", fix: "write 'name: value' pairs, indented, on the lines below")
        return nil
    }

    /// The options of a nested mapping, none if there is no such mapping.
    package func options(_ key: String) -> OptionReader {
        section(key)
            ?? OptionReader(members: [], path: name(of: key), location: node(key)?.location ?? location, log: log)
    }

    /// The mappings of a list. Entries that are no mappings are logged and left out.
    package func sections(_ key: String) -> [OptionReader] {
        guard let node = node(key) else { return [] }
        guard let elements = node.array else {
            wrongType(key, node, expected: "a list", fix: "begin each entry with '- '")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let path = "\(name(of: key)).<item \(index)>"
            if let members = element.members {
                return OptionReader(members: members, path: path, location: element.location, log: log)
            }
            log.error(
                ConfigurationFault(
                    at: element.location, option: path, problem: "expected a mapping, found \(element.kind)",
                    fix: "write '- name: value'"))
            return nil
        }
    }

    /// A secret given inline, or in the file that `<key>_path` names.
    package func secret(_ key: String) -> String? {
        let fileKey = "\(key)_path"
        guard let path = text(fileKey) else { return text(key) }
        if has(key) {
            fail(key, "given together with '\(name(of: fileKey))'", fix: "keep one of the two")
            return nil
        }
        return fileText(fileKey, path: path)
    }

    /// What stands in the file an option names, without blanks around it.
    package func fileText(_ key: String, path: String) -> String? {
        do throws(Files.Failure) {
            let text = String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self).trimmed()
            if !text.isEmpty { return text }
            fail(key, "the file \(path) is empty", fix: "write the secret into it")
        } catch {
            fail(key, "the file \(path) cannot be read: \(error)", fix: "create it, readable by the server's user")
        }
        return nil
    }

    /// A file that has to be there and readable; answers its path all the same.
    package func existingFile(_ key: String) -> String? {
        guard let path = text(key) else { return nil }
        if !Files.isReadable(path) {
            fail(key, "the file \(path) does not exist or cannot be read", fix: "correct the path or its permissions")
        }
        return path
    }
}

extension String {
    /// The text without ASCII blanks and line ends around it.
    package func trimmed() -> String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = utf8.firstIndex(where: { !isBlank($0) }),
            let last = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self[first...last])
    }
}
