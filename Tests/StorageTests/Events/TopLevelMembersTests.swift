import MatrixCore
import Testing

@testable import Storage

@Suite struct TopLevelMembersTests {
    private func members(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            var members = TopLevelMembers(buffer)
            var found: [String] = []
            while let (key, value) = members.next() {
                found.append(
                    String(decoding: buffer[key], as: UTF8.self) + "=" + String(decoding: buffer[value], as: UTF8.self))
            }
            return found
        }
    }

    @Test func `each member's key and value is found as it is written`() {
        #expect(members("{}") == [])
        #expect(members(#"{"a":1}"#) == ["a=1"])
        #expect(
            members(#"{"a":{"a":[1,{"b":"}"}]},"b":[],"c":"d,e","f":-12,"g":true,"h":null}"#)
                == [#"a={"a":[1,{"b":"}"}]}"#, "b=[]", #"c="d,e""#, "f=-12", "g=true", "h=null"])
    }

    @Test func `escapes end no string`() {
        #expect(
            members(#"{"k\"ey":"a\"b","back\\":"\\","":"\\\"}"}"#)
                == [#"k\"ey="a\"b""#, #"back\\="\\""#, #"="\\\"}""#])
        #expect(members(#"{"a":["\"]",{"\\":"]}"}],"b":2}"#) == [#"a=["\"]",{"\\":"]}"}]"#, "b=2"])
    }

    @Test func `canonical JSON of any object is taken apart as the parser would`() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var object = JSONObject()
            for _ in 0..<generator.below(6) { object[text(&generator)] = value(&generator, depth: 3) }
            let bytes = try object.canonical(numbers: .any)
            let expected = try object.sortedMembers().map { member in
                // {"":value}
                let value = try JSONObject([("", member.value)]).canonical(numbers: .any).dropFirst(4).dropLast()
                let key = JSON.string(member.key).encoded().dropFirst().dropLast()
                return String(decoding: key, as: UTF8.self) + "=" + String(decoding: value, as: UTF8.self)
            }
            #expect(members(String(decoding: bytes, as: UTF8.self)) == expected)
        }
    }

    @Test func `bytes that are no object do no harm`() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<5_000 {
            let bytes = (0..<generator.below(30)).map { _ in Array(#"{}[]",:\a1"#.utf8)[generator.below(10)] }
            _ = members("{" + String(decoding: bytes, as: UTF8.self))
        }
        for text in ["", "{", #"{""#, #"{"a"#, #"{"a""#, #"{"a":"#, #"{"a":""#, #"{"a":"\"#, #"{"a":["#] {
            _ = members(text)
        }
    }

    private func text(_ generator: inout SeededGenerator) -> String {
        let pieces = ["a", "\"", "\\", "{", "}", "[", "]", ",", ":", "é", "😀", "\n", "\u{1}"]
        return (0..<generator.below(5)).map { _ in pieces[generator.below(pieces.count)] }.joined()
    }

    private func value(_ generator: inout SeededGenerator, depth: Int) -> JSON {
        switch generator.below(depth > 0 ? 6 : 4) {
        case 0: return .string(text(&generator))
        case 1: return .integer(Int64(generator.below(2_000)) - 1_000)
        case 2: return .bool(true)
        case 3: return nil
        case 4: return .array((0..<generator.below(4)).map { _ in value(&generator, depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<generator.below(4) { object[text(&generator)] = value(&generator, depth: depth - 1) }
            return .object(object)
        }
    }
}
