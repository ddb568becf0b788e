import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct ConfigurationFilesTests {
    @Test func `top-level options of later files replace earlier ones as a whole`() throws {
        let directory = try TemporaryDirectory()
        let first = try directory.write("first.yaml", "a: {x: 1, y: 2}\nb: 1\n")
        let second = try directory.write("second.yaml", "a: {y: 3}\nc: 2\n")
        let merged = try ConfigurationFiles.read([first, second])
        #expect(merged.members.map(\.key) == ["a", "b", "c"])
        #expect(merged.members[0].value.json == ["y": 3])
        #expect(merged.members[0].location.file == second)
        #expect(merged.files == [first, second])
    }

    @Test func `a directory's yaml files are read in the order of their names`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("conf.d/20-b.yaml", "a: second\n")
        _ = try directory.write("conf.d/10-a.yaml", "a: first\nb: 1\n")
        _ = try directory.write("conf.d/30-empty.yaml", "")
        _ = try directory.write("conf.d/notes.txt", "x: [")
        _ = try directory.write("conf.d/nested/c.yaml", "a: third\n")
        let merged = try ConfigurationFiles.read([directory.path + "/conf.d"])
        #expect(merged.members.first?.value.json == "second")
        #expect(
            merged.files.map { $0.split(separator: "/").last ?? "" } == ["10-a.yaml", "20-b.yaml", "30-empty.yaml"])
        #expect(merged.warnings.count == 2)
    }

    @Test func `the faults of all files are told at once`() throws {
        let directory = try TemporaryDirectory()
        let broken = try directory.write("broken.yaml", "a: [1\n")
        let list = try directory.write("list.yaml", "- a\n")
        do {
            _ = try ConfigurationFiles.read([broken, directory.path + "/missing.yaml", list])
            Issue.record("read")
        } catch {
            #expect(error.faults.count == 3)
            #expect(
                error.description.contains("missing.yaml: cannot be read: No such file or directory; name the file"))
            #expect(error.description.contains("list.yaml:1: expected options ('name: value'), found a list"))
        }
    }

    @Test func `an empty directory is no configuration`() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: ConfigurationError.self) { try ConfigurationFiles.read([directory.path]) }
    }
}
