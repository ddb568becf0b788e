import MatrixCore
import Testing

@testable import Storage

@Suite struct ClientFieldsTests {
    private func stored(
        _ pdu: JSONObject, version: RoomVersion = .v11, redactedBy: EventNumber? = nil
    ) throws -> StoredEvent {
        let room = RoomHandle(number: 1, id: RoomID(trusted: "!room:example.org"), version: version)
        let record = EventRecord(
            number: 7, room: 1, eventID: EventID(trusted: "$event"), stream: 7, depth: 3,
            originServerTS: Timestamp(milliseconds: 1_234), stateKey: nil, stateBefore: .empty, roomState: .empty,
            replaces: nil, flags: [], redactedBy: redactedBy, transaction: nil)
        return try ClientFields.event(record, room: room, pdu: pdu.canonical(numbers: .any))
    }

    private func fields(_ event: StoredEvent) throws -> JSONObject {
        try JSONObject.parse([UInt8(ascii: "{")] + event.clientFields + [UInt8(ascii: "}")])
    }

    private let message: JSONObject = [
        "type": "m.room.message", "sender": "@alice:example.org", "room_id": "!room:example.org", "depth": 3,
        "origin_server_ts": 1_234, "auth_events": ["$a"], "prev_events": ["$p"], "hashes": ["sha256": "x"],
        "signatures": [:], "content": ["body": "hello", "msgtype": "m.text"],
    ]

    @Test func `clients see the content and what names the event, in the order of keys`() throws {
        let event = try stored(message)
        #expect(
            String(decoding: event.clientFields, as: UTF8.self)
                == #""content":{"body":"hello","msgtype":"m.text"},"event_id":"$event","origin_server_ts":1234,"#
                + #""sender":"@alice:example.org","type":"m.room.message""#)
        #expect(event.type == .message)
        #expect(event.sender == UserID(trusted: "@alice:example.org"))
        #expect(event.stateKey == nil)
        #expect(event.membership == nil)
        #expect(event.content() == ["body": "hello", "msgtype": "m.text"])
        #expect(event.depth == 3)
        #expect(event.stream == 7)
    }

    @Test func `a state event has its key, also where it is written with escapes`() throws {
        let key = "a\"b\\c\u{1}é😀"
        var pdu = message
        pdu["type"] = "org.example.\"quoted\""
        pdu["state_key"] = .string(key)
        let event = try stored(pdu)
        #expect(event.stateKey == key)
        #expect(event.state == StateKey("org.example.\"quoted\"", key))
        let read = try fields(event)
        #expect(read.string("state_key") == key)
        #expect(read.string("type") == "org.example.\"quoted\"")
    }

    @Test func `members of the content or of unknown objects are not taken for the event's own`() throws {
        var pdu = message
        pdu["content"] = ["type": "x", "sender": "y", "state_key": "z", "content": ["redacts": "$r"]]
        pdu["zz"] = ["state_key": "no"]
        let event = try stored(pdu)
        #expect(event.type == .message)
        #expect(event.stateKey == nil)
        #expect(try fields(event).object("content") == pdu.object("content"))
        #expect(try fields(event).contains("redacts") == false)
    }

    @Test func `a member event says its membership`() throws {
        var pdu = message
        pdu["type"] = "m.room.member"
        pdu["state_key"] = "@bob:example.org"
        pdu["content"] = ["membership": "knock"]
        #expect(try stored(pdu).membership == .knock)
        pdu["content"] = ["membership": "sleep"]
        #expect(try stored(pdu).membership == nil)
    }

    @Test(arguments: [RoomVersion.v1, .v10, .v11, .v12])
    func `clients find what a redaction redacts both beside and in its content`(version: RoomVersion) throws {
        let isInContent = version.eventFormat.redactsIsInContent
        var pdu = message
        pdu["type"] = "m.room.redaction"
        pdu["content"] = isInContent ? ["reason": "spam", "redacts": "$target"] : ["reason": "spam"]
        if !isInContent { pdu["redacts"] = "$target" }
        let event = try stored(pdu, version: version)
        let read = try fields(event)
        #expect(read.string("redacts") == "$target")
        #expect(read.object("content") == ["reason": "spam", "redacts": "$target"])
        #expect(event.content() == ["reason": "spam", "redacts": "$target"])
    }

    @Test(arguments: [RoomVersion.v10, .v11])
    func `of a redacted redaction its target stays where the version keeps it`(version: RoomVersion) throws {
        let isInContent = version.eventFormat.redactsIsInContent
        var pdu = message
        pdu["type"] = "m.room.redaction"
        pdu["content"] = isInContent ? ["reason": "spam", "redacts": "$target"] : ["reason": "spam"]
        if !isInContent { pdu["redacts"] = "$target" }
        let read = try fields(try stored(pdu, version: version, redactedBy: 9))
        #expect(read.string("redacts") == (isInContent ? "$target" : nil))
        #expect(read.object("content") == (isInContent ? ["redacts": "$target"] : [:]))
    }

    @Test func `of a redacted event only what redaction keeps is served`() throws {
        let event = try stored(message, redactedBy: 9)
        #expect(event.content() == [:])
        var member = message
        member["type"] = "m.room.member"
        member["state_key"] = "@bob:example.org"
        member["content"] = ["membership": "join", "displayname": "Bob"]
        #expect(try stored(member, redactedBy: 9).content() == ["membership": "join"])
    }

    @Test func `an event without sender, type or content is damage`() {
        for key in ["sender", "type", "content"] {
            var pdu = message
            pdu[key] = .none
            #expect(throws: StorageError.self) { try stored(pdu) }
        }
    }
}
