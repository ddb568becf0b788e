/// Finds and merges configuration files as Synapse does.
package enum ConfigurationFiles {
    /// The merged top-level options and the files they came from, in the order they were read.
    package struct Merged: Sendable {
        package let members: [SourceMember]
        package let files: [String]
        package let warnings: [ConfigurationFault]
    }

    /// Reads `paths` in order. Of a directory, all files `*.yaml` are read in the order of their names. A top-level option
    /// of a later file replaces the one of an earlier file as a whole; nothing is merged below the top level.
    /// - Throws: ``ConfigurationError`` with the faults of all files that cannot be read.
    package static func read(_ paths: [String]) throws(ConfigurationError) -> Merged {
        var faults: [ConfigurationFault] = []
        var warnings: [ConfigurationFault] = []
        let files = find(paths, faults: &faults, warnings: &warnings)
        var members: [SourceMember] = []
        for file in files {
            do throws(ConfigurationError) {
                for member in try readFile(file) {
                    if let index = members.firstIndex(where: { $0.key == member.key }) {
                        members[index] = member
                    } else {
                        members.append(member)
                    }
                }
            } catch {
                faults += error.faults
            }
        }
        guard faults.isEmpty else { throw ConfigurationError(faults) }
        return Merged(members: members, files: files, warnings: warnings)
    }

    private static func find(
        _ paths: [String], faults: inout [ConfigurationFault], warnings: inout [ConfigurationFault]
    ) -> [String] {
        var files: [String] = []
        for path in paths {
            guard Files.isDirectory(path) else {
                files.append(path)
                continue
            }
            do throws(Files.Failure) {
                for name in try Files.list(path) {
                    let file = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
                    if Files.isDirectory(file) {
                        warnings.append(
                            ConfigurationFault(
                                at: SourceLocation(file: file), problem: "directory within one, not read"))
                    } else if name.hasSuffix(".yaml") {
                        files.append(file)
                    } else {
                        warnings.append(
                            ConfigurationFault(
                                at: SourceLocation(file: file), problem: "not read",
                                fix: "only files whose names end in '.yaml' are read from a directory"))
                    }
                }
            } catch {
                faults.append(ConfigurationFault(at: SourceLocation(file: path), problem: error.description))
            }
        }
        if files.isEmpty, faults.isEmpty {
            faults.append(
                ConfigurationFault(
                    problem: "no configuration file found in \(paths.joined(separator: ", "))",
                    fix: "name one with -c, or write one with 'axolemma generate'"))
        }
        return files
    }

    private static func readFile(_ file: String) throws(ConfigurationError) -> [SourceMember] {
        let bytes: [UInt8]
        do throws(Files.Failure) {
            bytes = try Files.read(file, limit: YAMLReader.maximumBytes + 1)
        } catch {
            throw ConfigurationError(
                ConfigurationFault(
                    at: SourceLocation(file: file), problem: "cannot be read: \(error)",
                    fix: "name the file with -c, or write one with 'axolemma generate'"))
        }
        guard let root = try YAMLReader.read(bytes, file: file), !root.isNull else { return [] }
        guard let members = root.members else {
            throw ConfigurationError(
                ConfigurationFault(
                    at: root.location, problem: "expected options ('name: value'), found \(root.kind)"))
        }
        return members
    }
}
