import MatrixCore
import Testing

struct JSONObjectTests {
    @Test func `members keep their order`() {
        var object: JSONObject = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        #expect(String(decoding: object.encoded(), as: UTF8.self) == #"{"b":4,"a":2,"c":3}"#)
        object["a"] = nil
        object["missing"] = nil
        #expect(String(decoding: object.encoded(), as: UTF8.self) == #"{"b":4,"c":3}"#)
    }

    @Test func `order does not make objects different`() {
        let forward = JSONObject((0..<40).map { ("key\($0)", JSON.integer($0)) })
        let backward = JSONObject((0..<40).reversed().map { ("key\($0)", JSON.integer($0)) })
        #expect(forward == backward)
        #expect(forward.hashValue == backward.hashValue)
        #expect((["a": 1, "b": 2] as JSONObject) == ["b": 2, "a": 1])
        #expect((["a": 1, "b": 2] as JSONObject) != ["b": 2, "a": 2])
        #expect((["a": 1] as JSONObject) != ["b": 1])
    }

    @Test func `an integer and the double of its value are different`() {
        #expect(JSON.integer(1) != .double(1))
    }

    @Test func `a value is only had as what it is`() {
        let object: JSONObject = ["s": "x", "i": 1, "b": true, "o": ["k": nil], "a": ["x", "y"], "m": ["x", 1]]
        #expect(object.string("s") == "x")
        #expect(object.string("i") == nil)
        #expect(object.integer("i") == 1)
        #expect(object.integer("b") == nil)
        #expect(object.bool("b") == true)
        #expect(object.object("o")?.contains("k") == true)
        #expect(object["o"]?["k"]?.isNull == true)
        #expect(object["s"]?["k"] == nil)
        #expect(object["a"]?.stringArrayValue == ["x", "y"])
        #expect(object["m"]?.stringArrayValue == nil)
        #expect(object.array("m")?.count == 2)
    }

    @Test func `of a repeated key in a literal the last value counts`() {
        #expect((["a": 1, "b": 2, "a": 3] as JSONObject).members.map(\.value) == [3, 2])
    }

    @Test(arguments: ["", "a", "exactly8", "exactly 9", "fifteen bytes..", "sixteen bytes...", "a text of some length"])
    func `text is equal, and sorted, by bytes`(_ text: String) {
        let bytes = Array(text.utf8)
        let copy = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasSameBytes(as: copy))
        #expect(!text.precedesInBytes(copy))
        for index in bytes.indices {
            var changed = bytes
            changed[index] += 1
            let other = String(decoding: changed, as: UTF8.self)
            #expect(!text.hasSameBytes(as: other))
            #expect(text.precedesInBytes(other))
            #expect(!other.precedesInBytes(text))
        }
        #expect(text.precedesInBytes(text + "\0"))
        #expect(!(text + "\0").precedesInBytes(text))
    }
}
