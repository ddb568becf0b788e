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
            ("room_id", "!other:test"), ("type", "m.other"), ("state_key", "other"), ("state_key", nil),
            ("sender", "@eve:elsewhere"), ("sender", nil),
        ] as [(String, JSON?)])
    func `what may not change is an internal error`(key: String, value: JSON?) {
        let error = #expect(throws: MatrixError.self) {
            try replacement(of: event(type: .topic, stateKey: "")) { $0[key] = value }
        }
        #expect(error == .internalError)
    }

    @Test(
        arguments: [
            ("sender", "eve", "M_INVALID_PARAM", "Expected UserID string to start with '@'"),
            ("content", "text", "M_UNKNOWN", "'content' is no object"),
            ("content", nil, "M_UNKNOWN", "'content' is no object"),
        ] as [(String, JSON?, ErrorCode, String)])
    func `what makes no event is a 500 with the reason`(key: String, value: JSON?, code: ErrorCode, reason: String) {
        let error = #expect(throws: MatrixError.self) {
            try replacement(of: event(type: .topic, stateKey: "")) { $0[key] = value }
        }
        #expect(error?.status == 500)
        #expect(error?.code == code)
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
