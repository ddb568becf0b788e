import Foundation

/// A table of `Tests/Fixtures`.
struct Fixture {
    /// The lines, with their fields by the names of the first line.
    let rows: [[String: String]]

    init(_ name: String) throws {
        let path = repositoryPath("Tests/Fixtures/\(name)")
        let lines = Self.lines(try String(contentsOfFile: path, encoding: .utf8))
        let names = lines.first ?? []
        rows = lines.dropFirst().map { fields in Dictionary(zip(names, fields)) { $1 } }
    }

    /// Reads comma-separated values (RFC 4180).
    private static func lines(_ text: String) -> [[String]] {
        var lines: [[String]] = []
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        for character in text {
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                fields.append(field)
                field = ""
            case "\n" where !isQuoted, "\r\n" where !isQuoted:
                lines.append(fields + [field])
                (fields, field) = ([], "")
            default: field.append(character)
            }
        }
        if !field.isEmpty || !fields.isEmpty { lines.append(fields + [field]) }
        return lines
    }
}

/// The path of a file in this repository.
func repositoryPath(_ path: String, from file: String = #filePath) -> String {
    let tests = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return tests.joined(separator: "/") + "/" + path
}
