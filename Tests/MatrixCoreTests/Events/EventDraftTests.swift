import MatrixCore
import Testing

struct EventDraftTests {
    @Test(arguments: RoomVersion.supported) func `a sealed event is an event to others`(_ version: RoomVersion) throws {
        let event = try EventFixture.draft(.topic, stateKey: "", content: ["topic": "x"], in: version)
            .sealed(version: version, origin: EventFixture.server, key: EventFixture.key)
        let received = try Event(pdu: JSONObject.parse(event.object.encoded()), version: version)
        #expect(received.eventID == event.eventID)
        #expect(received.roomID == event.roomID)
        #expect(received.state == StateKey(.topic))
        #expect(received.sender == EventFixture.sender)
        #expect(received.depth == 7)
        #expect(received.prevEvents == event.prevEvents)
        #expect(received.authEvents == event.authEvents)
        #expect(received.prevEvents.count == 1 && received.authEvents.count == 2)
        #expect(received.originServerTS.milliseconds == 1_763_700_000_000)
        #expect(received.hasValidContentHash())

        let signature = try #require(event.object["signatures"]?["example.org"]?["ed25519:a_test"]?.stringValue)
        let signed = try signedBytes(of: event.object, version: version)
        #expect(EventFixture.key.publicKey.verify(try #require(Base64.decode(signature)), of: signed))
    }

    @Test(arguments: RoomVersion.supported) func `the event ID has the version's form`(_ version: RoomVersion) throws {
        let event = try EventFixture.message(in: version)
        let text = event.eventID.string
        switch version.eventFormat.eventID {
        case .chosen:
            #expect(event.eventID.server == EventFixture.server)
            #expect(event.object.string("event_id") == text)
        case .referenceHash, .urlSafeReferenceHash:
            #expect(event.object["event_id"] == nil)
            let alphabet: Base64.Alphabet = version.eventFormat.eventID == .referenceHash ? .standard : .urlSafe
            let hash = try referenceHash(event.object, version: version)
            #expect(text == "$" + Base64.encode(hash, alphabet: alphabet))
        }
    }

    @Test func `in version 12 the create event's ID is the room's`() throws {
        var draft = EventFixture.draft(.create, stateKey: "", content: ["room_version": "12"], in: .v12)
        draft.roomID = nil
        draft.prevEvents = []
        draft.authEvents = []
        let create = try draft.sealed(version: .v12, origin: EventFixture.server, key: EventFixture.key)
        #expect(create.object["room_id"] == nil)
        #expect(create.roomID.string.utf8.dropFirst().elementsEqual(create.eventID.string.utf8.dropFirst()))
        #expect(create.roomID.createEventID == create.eventID)
        #expect(try Event(pdu: create.object, version: .v12).roomID == create.roomID)
    }

    @Test func `only a create event of version 12 may lack a room ID`() {
        for (type, version) in [(EventType.create, RoomVersion.v11), (.message, .v12)] {
            var draft = EventFixture.draft(type, stateKey: "", in: version)
            draft.roomID = nil
            #expect(throws: EventFormatError.missing(field: "room_id")) {
                try draft.sealed(version: version, origin: EventFixture.server, key: EventFixture.key)
            }
        }
    }

    @Test(arguments: RoomVersion.supported) func `a redaction names its target where the version wants it`(
        _ version: RoomVersion
    ) throws {
        var draft = EventFixture.draft(.redaction, content: ["reason": "spam"], in: version)
        draft.redacts = EventID(trusted: "$target")
        let event = try draft.sealed(version: version, origin: EventFixture.server, key: EventFixture.key)
        #expect(event.redacts == draft.redacts)
        #expect(event.object.contains("redacts") != version.eventFormat.redactsIsInContent)
        #expect(event.content.contains("redacts") == version.eventFormat.redactsIsInContent)
        #expect(try Event(pdu: event.object, version: version).redacts == draft.redacts)
    }

    @Test func `unsigned is kept but not hashed`() throws {
        var draft = EventFixture.draft(in: .v12)
        let plain = try draft.sealed(version: .v12, origin: EventFixture.server, key: EventFixture.key)
        draft.unsigned = ["transaction_id": "x"]
        let event = try draft.sealed(version: .v12, origin: EventFixture.server, key: EventFixture.key)
        #expect(event.eventID == plain.eventID)
        #expect(event.object["hashes"] == plain.object["hashes"])
        #expect(event.object["unsigned"] == ["transaction_id": "x"])
    }

    @Test func `versions 1 and 2 write hashes beside references`() throws {
        var draft = EventFixture.draft(in: .v2)
        draft.referenceHashes = [draft.prevEvents[0]: [1, 2, 3]]
        let event = try draft.sealed(version: .v2, origin: EventFixture.server, key: EventFixture.key)
        #expect(event.object["prev_events"] == [[.string(draft.prevEvents[0].string), ["sha256": "AQID"]]])
        #expect(event.object["auth_events"]?.arrayValue?.first?.arrayValue?.last == [:])
    }

    @Test(arguments: RoomVersion.supported) func `a sealed event may have 65,536 bytes`(_ version: RoomVersion) throws {
        func sealed(_ length: Int) throws(EventFormatError) -> Event {
            try EventFixture.draft(content: ["body": .string(String(repeating: "x", count: length))], in: version)
                .sealed(version: version, origin: EventFixture.server, key: EventFixture.key)
        }
        let overhead = try sealed(0).object.canonical().count
        let largest = try sealed(65_536 - overhead)
        #expect(try largest.object.canonical().count == 65_536)
        #expect(try Event(pdu: largest.object, version: version).eventID == largest.eventID)
        #expect(throws: EventFormatError.tooLarge(bytes: 65_537)) { try sealed(65_537 - overhead) }
    }

    @Test func `numbers are checked from version 6 on`() throws {
        for value in [JSON.double(1.5), .integer(9_007_199_254_740_992)] {
            let old = try EventFixture.draft(content: ["x": value], in: .v5)
                .sealed(version: .v5, origin: EventFixture.server, key: EventFixture.key)
            #expect(try Event(pdu: old.object, version: .v5).content["x"] == value)
            #expect(throws: EventFormatError.self) {
                try EventFixture.draft(content: ["x": value], in: .v6)
                    .sealed(version: .v6, origin: EventFixture.server, key: EventFixture.key)
            }
        }
    }

    @Test func `a draft out of bounds is refused`() {
        func expectFailure(_ error: EventFormatError, _ change: (inout EventDraft) -> Void) {
            var draft = EventFixture.draft(in: .v12)
            change(&draft)
            #expect(throws: error) {
                try draft.sealed(version: .v12, origin: EventFixture.server, key: EventFixture.key)
            }
        }
        let tooLong = String(repeating: "é", count: 128)
        expectFailure(.tooLong(field: "type", limit: 255)) { $0.type = EventType(tooLong) }
        expectFailure(.tooLong(field: "state_key", limit: 255)) { $0.stateKey = tooLong }
        expectFailure(.invalid(field: "state_key")) { $0.stateKey = "a\0" }
        expectFailure(.invalid(field: "depth")) { $0.depth = -1 }
        expectFailure(.tooMany(field: "prev_events", limit: 20)) {
            $0.prevEvents = (0..<21).map { EventID(trusted: "$\($0)") }
        }
        expectFailure(.tooMany(field: "auth_events", limit: 10)) {
            $0.authEvents = (0..<11).map { EventID(trusted: "$\($0)") }
        }
    }
}
