import Homeserver
import MatrixCore
import Testing

struct EventReplacementTests {
    private let server = ServerName(trusted: "test")

    private func replacement(of event: Event, _ edit: (inout JSONObject) -> Void) throws -> EventReplacement {
        var object = event.object
        edit(&object)
        return try EventReplacement(object, of: event, on: server)
    }

    @Test func `content and sender may change`() throws {
        let replacement = try replacement(of: event()) {
            $0["content"] = ["x": "y"]
            $0["sender"] = "@bob:test"
        }
        #expect(replacement.content == ["x": "y"])
        #expect(replacement.sender == bob)
        #expect(replacement.redacts == nil)
    }

    @Test(
        arguments: [
            ("room_id", "!other:test", "'room_id' was changed"),
            ("type", "m.other", "'type' was changed"),
            ("state_key", "other", "'state_key' was changed"),
            ("state_key", nil, "'state_key' was changed"),
            ("sender", "@eve:elsewhere", "the sender is not a user of this server"),
            ("sender", "eve", "'sender' is no user ID"),
            ("content", "text", "'content' is no object"),
            ("content", nil, "'content' is no object"),
        ] as [(String, JSON?, String)])
    func `what may not change, or makes no event, is a 500`(key: String, value: JSON?, reason: String) {
        let error = #expect(throws: MatrixError.self) {
            try replacement(of: event(type: .topic, stateKey: "")) { $0[key] = value }
        }
        #expect(error?.status == 500)
        #expect(error?.message == "Third party rules module created an invalid event: \(reason)")
    }

    @Test func `an event that names no room, as some create events, may be replaced`() throws {
        let create = event(type: .create, stateKey: "", room: nil)
        #expect(try replacement(of: create) { $0["content"] = ["a": 1] }.content == ["a": 1])
    }

    @Test func `a redaction keeps or changes what it redacts`() throws {
        let redaction = event(type: .redaction, further: ["redacts": "$one"])
        #expect(try replacement(of: redaction) { _ in }.redacts == EventID("$one"))
        #expect(try replacement(of: redaction) { $0["redacts"] = "$two" }.redacts == EventID("$two"))
        #expect(throws: MatrixError.self) { try replacement(of: redaction) { $0["redacts"] = 1 } }
    }
}
