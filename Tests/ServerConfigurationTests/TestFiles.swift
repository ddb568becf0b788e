import Foundation

@testable import ServerConfiguration

/// A directory that is deleted with its contents when the test is over.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/axolemma-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: Files.directory(of: file), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// The least a configuration needs, apart from files.
let minimal = """
    server_name: example.com
    listeners: [{port: 8008, type: http, resources: [{names: [client]}]}]

    """

/// The faults that reading `yaml` ends with.
func faults(_ yaml: String) -> [String] {
    do {
        _ = try Configuration.load(yaml: yaml)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

/// Numbers in an order that is always the same.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
