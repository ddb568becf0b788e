import MatrixCore
import Testing

struct JSONParserTests {
    static let values: [(text: String, value: JSON)] = [
        ("null", nil), ("true", true), (" false ", false), ("0", 0), ("-0", 0), ("-1", -1),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("-9223372036854775809", .double(-0x1p63)),
        ("1.0", .double(1)), ("1e10", .double(1e10)), ("1E+2", .double(100)), ("-1.5e-3", .double(-0.0015)),
        (#""""#, ""), (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{c}\n\r\t"), (#""\u65E5\u672c""#, "日本"),
        (#""\ud83d\ude00 and 😀""#, "😀 and 😀"), (#""\u0000""#, "\0"), (#""exactly8""#, "exactly8"),
        (#""sixteen byte text with \" inside""#, "sixteen byte text with \" inside"),
        ("[]", []), ("[ 1 , [ ] , {} ]", [1, [], [:]]), ("{\t\"a\"\r:\n1 }", ["a": 1]),
        (#"{"a":{"b":[{"c":null}]}}"#, ["a": ["b": [["c": nil]]]]),
    ]

    @Test(arguments: values) func `a text is read as its value`(_ text: String, _ value: JSON) throws {
        #expect(try JSON.parse(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "truee", "True", "NaN", "Infinity", "+1", "01", "-", "-a", "1.", ".5", "1e", "1e+", "1e400",
        "\"", "\"abc", "\"\\", "\"\\x\"", "\"\\u12", "\"\\u12g4\"", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "[", "[1",
        "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",
        "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "1 2", "{}x", "]", "}", "'a'", "\u{FEFF}1", "// 1",
    ]) func `what is no JSON is refused`(_ text: String) {
        #expect(throws: JSONParseError.self) { try JSON.parse(text) }
    }

    @Test(arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#, #""\ude00\ud83d""#])
    func `a lone surrogate is no character`(_ text: String) {
        #expect(throws: JSONParseError.self) { try JSON.parse(text) }
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
            [0x61, 0xC3, 0x28],
        ] as [[UInt8]]) func `what is no UTF-8 is refused`(_ bytes: [UInt8])
    {
        let padding = Array("a long enough text".utf8)
        for prefix in [[], padding] {
            for suffix in [[], padding] {
                #expect(throws: JSONParseError.self) { try JSON.parse([0x22] + prefix + bytes + suffix + [0x22]) }
                #expect(throws: JSONParseError.self) { try JSON.parse([0x22, 0x5C, 0x6E] + prefix + bytes + [0x22]) }
            }
        }
    }

    @Test func `nesting is bounded`() throws {
        let limit = JSON.maximumDepth
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(try JSON.parse(nested(limit)).encoded() == nested(limit))
        #expect(throws: JSONParseError.tooDeep(offset: limit)) { try JSON.parse(nested(limit + 1)) }
        #expect(throws: JSONParseError.self) { try JSON.parse(nested(1_000_000)) }
    }

    @Test func `of a repeated key the first place and the last value count`() throws {
        let object = try JSONObject.parse(#"{"b":1,"a":2,"b":3,"a":[]}"#.utf8)
        #expect(object.members.map(\.key) == ["b", "a"])
        #expect(object["b"] == 3)
        #expect(object["a"] == [])
    }

    @Test(arguments: [10, 24, 25, 100, 1000])
    func `repeated keys are found in objects of any size`(_ count: Int) throws {
        let keys = (0..<count).map { "key \($0 * 7919 % count)" }
        let members = (keys + keys.reversed()).enumerated().map { "\"\($1)\":\($0)" }
        let object = try JSONObject.parse("{\(members.joined(separator: ","))}".utf8)
        #expect(object.members.map(\.key) == keys)
        #expect(object[keys[0]] == .integer(Int64(2 * count - 1)))
    }

    @Test func `keys that Unicode deems equal are different`() throws {
        let object = try JSONObject.parse(#"{"caf\u00e9":1,"cafe\u0301":2}"#.utf8)
        #expect(object.count == 2)
        #expect(object["caf\u{e9}"] == 1)
        #expect(object["cafe\u{301}"] == 2)
    }

    @Test func `only an object is read as an object`() {
        #expect(throws: JSONParseError.notAnObject) { try JSONObject.parse("[]".utf8) }
    }

    @Test func `any sequence of bytes is read`() throws {
        #expect(try JSON.parse(AnySequence(Array("[1]".utf8))) == [1])
    }

    @Test func `a character escaped is written in the shortest form`() throws {
        let text = String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) })) + "é日😀"
        let encoded = JSON.string(text).encoded()
        let controls = (0..<0x20).map { code -> String in
            switch code {
            case 8: #"\b"#
            case 9: #"\t"#
            case 10: #"\n"#
            case 12: #"\f"#
            case 13: #"\r"#
            default: #"\u00"# + (code < 16 ? "0" : "1") + String(code % 16, radix: 16)
            }
        }
        let printable = (0x20..<0x80).compactMap { Unicode.Scalar($0) }.map { character -> String in
            switch character {
            case "\"": #"\""#
            case "\\": #"\\"#
            default: String(Character(character))
            }
        }
        #expect(String(decoding: encoded, as: UTF8.self) == "\"\((controls + printable).joined())é日😀\"")
        #expect(try JSON.parse(encoded) == .string(text))
    }
}
