import MatrixCore
import Testing

/// The examples are the specification's: Appendices,
/// [Canonical JSON](https://spec.matrix.org/v1.19/appendices/#canonical-json).
struct CanonicalJSONTests {
    static let examples: [(String, String)] = [
        ("{}", "{}"),
        (#"{ "one": 1, "two": "Two" }"#, #"{"one":1,"two":"Two"}"#),
        (#"{ "b": "2", "a": "1" }"#, #"{"a":"1","b":"2"}"#),
        (#"{"b":"2","a":"1"}"#, #"{"a":"1","b":"2"}"#),
        (
            """
            {
                "auth": {
                    "success": true,
                    "mxid": "@john.doe:example.com",
                    "profile": {
                        "display_name": "John Doe",
                        "three_pids": [
                            { "medium": "email", "address": "john.doe@example.org" },
                            { "medium": "msisdn", "address": "123456789" }
                        ]
                    }
                }
            }
            """,
            #"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":["#
                + #"{"address":"john.doe@example.org","medium":"email"},"#
                + #"{"address":"123456789","medium":"msisdn"}]},"success":true}}"#
        ),
        (#"{ "a": "日本語" }"#, #"{"a":"日本語"}"#),
        (#"{ "本": 2, "日": 1 }"#, #"{"日":1,"本":2}"#),
        (#"{ "a": "\u65E5" }"#, #"{"a":"日"}"#),
        (#"{ "a": null }"#, #"{"a":null}"#),
        (#"{ "a": -0 }"#, #"{"a":0}"#),
    ]

    @Test(arguments: examples) func `the specification's examples`(_ text: String, _ canonical: String) throws {
        let object = try JSONObject.parse(text.utf8)
        #expect(String(decoding: try object.canonical(), as: UTF8.self) == canonical)
        #expect(String(decoding: try object.canonical(numbers: .any), as: UTF8.self) == canonical)
    }

    @Test func `keys are sorted by code point, not by UTF-16 unit or collation`() throws {
        // U+FF5E comes after U+1F600 in UTF-16, "Z" before "a", and a key before those it begins.
        let object: JSONObject = ["\u{1F600}": 1, "\u{FF5E}": 2, "a": 3, "Z": 4, "": 5, "aa": 6, "é": 7, "e\u{301}": 8]
        #expect(
            String(decoding: try object.canonical(), as: UTF8.self)
                == "{\"\":5,\"Z\":4,\"a\":3,\"aa\":6,\"e\u{301}\":8,\"é\":7,\"\u{FF5E}\":2,\"\u{1F600}\":1}")
    }

    @Test(arguments: [9_007_199_254_740_991, -9_007_199_254_740_991])
    func `integers up to 2⁵³ − 1 are allowed`(_ value: Int64) throws {
        #expect(try (["a": .integer(value)] as JSONObject).canonical() == Array("{\"a\":\(value)}".utf8))
    }

    @Test(arguments: [9_007_199_254_740_992, -9_007_199_254_740_992, .max, .min])
    func `integers from 2⁵³ on are only allowed where events may hold any number`(_ value: Int64) throws {
        let object: JSONObject = ["a": [["b": .integer(value)]]]
        #expect(throws: CanonicalJSONError.integerOutOfRange(value)) { try object.canonical() }
        #expect(try object.canonical(numbers: .any) == Array("{\"a\":[{\"b\":\(value)}]}".utf8))
    }

    // An exponent or a fraction is not in the grammar, whatever the number's value.
    @Test(arguments: ["1e10", "1.0", "-0.0", "1.5", "9223372036854775808"])
    func `a number not written as an integer is refused`(_ text: String) throws {
        let object = try JSONObject.parse("{\"a\":\(text)}".utf8)
        #expect(throws: CanonicalJSONError.self) { try object.canonical() }
    }

    // Python's json.dumps, with which the events of room versions 1 to 5 were hashed, wrote these.
    @Test(arguments: [
        ("1e10", "10000000000.0"), ("1.0", "1.0"), ("-0.0", "-0.0"), ("50.57", "50.57"), ("5.114698E4", "51146.98"),
        ("1e15", "1000000000000000.0"), ("9.270966189296286e15", "9270966189296286.0"),
        ("9007199254740993.0", "9007199254740992.0"), ("9.23824e15", "9238240000000000.0"),
        ("9999999999999998.0", "9999999999999998.0"), ("1e16", "1e+16"),
        ("12345678901234567.0", "1.2345678901234568e+16"),
        ("1e22", "1e+22"), ("0.0001", "0.0001"), ("0.00001", "1e-05"), ("1.5e-7", "1.5e-07"), ("-1e-100", "-1e-100"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"), ("0.1", "0.1"),
    ]) func `doubles are written as Python writes them`(_ text: String, _ canonical: String) throws {
        let array = try JSON.parse("[\(text)]")
        let object: JSONObject = ["a": array]
        #expect(String(decoding: try object.canonical(numbers: .any), as: UTF8.self) == "{\"a\":[\(canonical)]}")
    }
}
