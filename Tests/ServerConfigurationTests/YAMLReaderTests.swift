import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct YAMLReaderTests {
    func read(_ text: String) throws -> SourceNode? { try YAMLReader.read(Array(text.utf8), file: "test.yaml") }

    func failure(_ text: String) -> String {
        do {
            _ = try read(text)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        ("yes", JSON.bool(true)), ("Off", .bool(false)), ("~", .null), ("", .null), ("NULL", .null),
        ("12", .integer(12)),
        ("-1_000", .integer(-1000)), ("0600", .integer(0o600)), ("0x1F", .integer(31)), ("0b101", .integer(5)),
        ("1:30", .integer(90)), ("0.5", .double(0.5)), (".5", .double(0.5)), ("1e3", .double(1000)),
        ("'12'", .string("12")), ("\"yes\"", .string("yes")), ("!!str 12", .string("12")),
        ("10.0.0.0/8", .string("10.0.0.0/8")),
        ("5m", .string("5m")), ("08:30:00", .string("08:30:00")), ("2024-01-01", .string("2024-01-01")),
        ("nan", .string("nan")), ("infinity", .string("infinity")), ("::1", .string("::1")), ("099", .string("099")),
        ("99999999999999999999", .double(1e20)), ("-", .string("-")),
    ])
    func `plain scalars are read as YAML 1.1 has them`(text: String, value: JSON) throws {
        if text == "-" {
            #expect(YAMLScalar.value(ofPlain: text).json == value)
        } else {
            #expect(try read("key: \(text)")?.json == .object(["key": value]))
        }
    }

    @Test func `every value knows its file and line`() throws {
        let root = try #require(try read("a: 1\nb:\n  - x\n  - y: 2\n"))
        #expect(root["b"]?.array?[1]["y"]?.location.description == "test.yaml:4")
        #expect(root.members?[1].location.line == 2)
    }

    @Test func `JSON is YAML`() throws {
        let root = try #require(try read("{\"a\": [1, true, null, \"x\\n\"], \"b\": {\"c\": 1.5}}"))
        #expect(root.json == ["a": [1, true, nil, "x\n"], "b": ["c": .double(1.5)]])
        #expect(root["a"]?.location.line == 1)
    }

    @Test func `JSON that YAML cannot read is read as JSON`() throws {
        let root = try #require(try read("{\n\t\"a\": \"\\ud83d\\ude00\"\n}"))
        #expect(root.json == ["a": "\u{1F600}"])
    }

    @Test func `aliases and merge keys are resolved`() throws {
        let root = try #require(try read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: {<<: [*b, {z: 4}]}\n"))
        #expect(root["use"]?.json == ["y": 3, "x": 1])
        #expect(root["list"]?.json == ["x": 1, "y": 2, "z": 4])
    }

    @Test func `aliases within aliases are cut off`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(failure(text).contains("too many values"))
    }

    @Test func `deep nesting is an error`() {
        #expect(failure(String(repeating: "[", count: 100) + String(repeating: "]", count: 100)).contains("too deeply"))
        #expect(!failure(String(repeating: "[", count: 200_000)).isEmpty)
    }

    @Test func `a key twice is an error with its line`() {
        let text = failure("a: 1\nb:\n  c: 1\n  c: 2\n")
        #expect(text.hasPrefix("test.yaml:3: option 'c': given more than once"))
    }

    @Test func `a syntax error tells its line`() {
        #expect(failure("a: 1\nb: [1, 2\nc: 3\n").hasPrefix("test.yaml:3: not valid YAML"))
        #expect(failure("a: 1\n\tb: 2\n").hasPrefix("test.yaml:2: not valid YAML"))
    }

    @Test func `what is no UTF-8 is an error`() {
        #expect(throws: ConfigurationError.self) { try YAMLReader.read([0x61, 0x3A, 0x20, 0xFF], file: "x") }
    }

    @Test func `an empty file and one of comments hold nothing`() throws {
        #expect(try read("") == nil)
        #expect(try read("# nothing\n") == nil)
    }
}

extension SourceNode.Value {
    fileprivate var json: JSON { SourceNode(self, at: SourceLocation(file: "")).json }
}
