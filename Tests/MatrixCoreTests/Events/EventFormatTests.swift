import MatrixCore
import Testing

/// What makes an object an event, checked by changing one that is.
struct EventFormatTests {
    private func pdu(in version: RoomVersion, _ change: (inout JSONObject) -> Void) throws -> JSONObject {
        var object = try EventFixture.draft(.topic, stateKey: "k", in: version)
            .sealed(version: version, origin: EventFixture.server, key: EventFixture.key).object
        change(&object)
        return object
    }

    @Test(arguments: RoomVersion.supported) func `required members must be there`(_ version: RoomVersion) throws {
        var required = [
            "type", "sender", "room_id", "content", "origin_server_ts", "depth", "prev_events", "auth_events", "hashes",
            "signatures",
        ]
        if version.eventFormat.eventID == .chosen { required.append("event_id") }
        for field in required {
            let object = try pdu(in: version) { $0[field] = nil }
            #expect(throws: EventFormatError.missing(field: field)) { try Event(pdu: object, version: version) }
        }
        let message = try Event(pdu: pdu(in: version) { $0["state_key"] = nil }, version: version)
        #expect(message.state == nil)
    }

    @Test(arguments: RoomVersion.supported) func `members must have their type`(_ version: RoomVersion) throws {
        let wrong: [(String, [JSON])] = [
            ("type", [nil, 1, ["m.room.topic"], "a\0b"]), ("state_key", [nil, 1, [:], "\0"]),
            ("sender", [nil, 1, "", "alice", "@alice", "@alice:", "@a\0:b", "#alice:example.org"]),
            ("room_id", [nil, 1, "", "!", "room:example.org", "!room:", "#room:example.org"]),
            ("content", [nil, "x", []]), ("origin_server_ts", [nil, "1", .double(1), true]),
            ("depth", [nil, "1", .double(7), -1]), ("hashes", [nil, [], "x"]), ("signatures", [nil, [], "x"]),
            ("unsigned", [nil, [], 1]),
            ("prev_events", [nil, "$a", [:], [1], [""], ["a"], [[]], [[["sha256": "x"]]], [nil]]),
            ("auth_events", [nil, "$a", [:], [1], [""], ["a"], [[]], [[["sha256": "x"]]], [nil]]),
        ]
        for (field, values) in wrong {
            for value in values {
                let object = try pdu(in: version) { $0[field] = value }
                #expect(throws: EventFormatError.invalid(field: field), "\(field): \(value)") {
                    try Event(pdu: object, version: version)
                }
            }
        }
    }

    @Test func `references are pairs in versions 1 and 2 and IDs after`() throws {
        let id: JSON = "$a:example.org"
        let pair: JSON = [id, ["sha256": "x"]]
        for version in RoomVersion.supported {
            let (right, wrong) = version.eventFormat.referencesCarryHashes ? (pair, id) : (id, pair)
            let object = try pdu(in: version) { $0["prev_events"] = [right] }
            #expect(try Event(pdu: object, version: version).prevEvents == [EventID(trusted: "$a:example.org")])
            let other = try pdu(in: version) { $0["prev_events"] = [wrong] }
            #expect(throws: EventFormatError.invalid(field: "prev_events")) { try Event(pdu: other, version: version) }
        }
    }

    @Test(arguments: RoomVersion.supported) func `references are bounded`(_ version: RoomVersion) throws {
        func references(_ count: Int) -> JSON {
            .array(
                (0..<count).map { number -> JSON in
                    version.eventFormat.referencesCarryHashes ? [.string("$\(number):x"), [:]] : .string("$\(number)")
                })
        }
        for (field, limit) in [("prev_events", 20), ("auth_events", 10)] {
            let most = try pdu(in: version) { $0[field] = references(limit) }
            #expect(throws: Never.self) { try Event(pdu: most, version: version) }
            let tooMany = try pdu(in: version) { $0[field] = references(limit + 1) }
            #expect(throws: EventFormatError.tooMany(field: field, limit: limit)) {
                try Event(pdu: tooMany, version: version)
            }
        }
    }

    @Test(arguments: RoomVersion.supported) func `text may have 255 bytes`(_ version: RoomVersion) throws {
        let filler = String(repeating: "é", count: 120)
        var fields = [("type", ""), ("state_key", ""), ("sender", "@"), ("room_id", "!")]
        if version.eventFormat.eventID == .chosen { fields.append(("event_id", "$")) }
        for (field, sigil) in fields {
            let end = sigil.isEmpty ? "" : ":x"
            let start = sigil + filler
            let longest = start + String(repeating: "x", count: 255 - start.utf8.count - end.utf8.count) + end
            #expect(longest.utf8.count == 255)
            let object = try pdu(in: version) { $0[field] = .string(longest) }
            #expect(throws: Never.self) { try Event(pdu: object, version: version) }
            let tooLong = try pdu(in: version) { $0[field] = .string(longest + "x") }
            #expect(throws: EventFormatError.tooLong(field: field, limit: 255)) {
                try Event(pdu: tooLong, version: version)
            }
        }
    }

    @Test(arguments: RoomVersion.supported) func `an event may have 65,536 bytes, unsigned included`(
        _ version: RoomVersion
    ) throws {
        let size = try pdu(in: version) { $0["unsigned"] = ["x": ""] }.canonical().count
        func padded(_ total: Int) throws -> JSONObject {
            try pdu(in: version) { $0["unsigned"] = ["x": .string(String(repeating: "x", count: total - size))] }
        }
        #expect(throws: Never.self) { try Event(pdu: padded(65_536), version: version) }
        let tooLarge = try padded(65_537)
        #expect(throws: EventFormatError.tooLarge(bytes: 65_537)) { try Event(pdu: tooLarge, version: version) }
    }

    @Test(arguments: RoomVersion.supported) func `numbers are integers below 2⁵³ from version 6 on`(
        _ version: RoomVersion
    ) throws {
        let isStrict = version.eventFormat.numbers == .strict
        let limit = JSON.maximumInteger
        for value in [JSON.integer(limit + 1), .integer(-limit - 1), .double(1.5), .double(1e10)] {
            let object = try pdu(in: version) { $0["content"] = ["a": [["b": value]]] }
            if isStrict {
                #expect(throws: EventFormatError.self) { try Event(pdu: object, version: version) }
            } else {
                #expect(throws: Never.self) { try Event(pdu: object, version: version) }
            }
        }
        for (depth, isAllowed) in [(0, true), (limit, true), (limit + 1, !isStrict), (.max, !isStrict)] {
            let object = try pdu(in: version) { $0["depth"] = .integer(depth) }
            let event = try? Event(pdu: object, version: version)
            #expect((event != nil) == isAllowed, "depth \(depth)")
        }
    }

    @Test func `in version 12 a create event has no room ID and every other one has`() throws {
        let object = try pdu(in: .v12) {
            $0["type"] = "m.room.create"
            $0["state_key"] = ""
            $0["room_id"] = nil
        }
        let create = try Event(pdu: object, version: .v12)
        #expect(create.roomID.createEventID == create.eventID)
        // Authorization refuses one that has; its room is not what it says.
        var named = object
        named["room_id"] = "!room:example.org"
        #expect(try Event(pdu: named, version: .v12).roomID.string != "!room:example.org")
    }

    @Test func `unknown members survive`() throws {
        let object = try pdu(in: .v12) { $0["org.example.extra"] = ["a": [1, nil]] }
        #expect(try Event(pdu: object, version: .v12).object["org.example.extra"] == ["a": [1, nil]])
    }

    @Test func `only a known membership of a member event is one`() throws {
        func membership(_ type: EventType, _ content: JSONObject) throws -> Membership? {
            let object = try pdu(in: .v12) {
                $0["type"] = .string(type.string)
                $0["content"] = .object(content)
            }
            return try Event(pdu: object, version: .v12).membership
        }
        for known in Membership.allCases {
            #expect(try membership(.member, ["membership": .string(known.rawValue)]) == known)
        }
        #expect(try membership(.member, ["membership": "other"]) == nil)
        #expect(try membership(.member, ["membership": 1]) == nil)
        #expect(try membership(.topic, ["membership": "join"]) == nil)
    }

    @Test func `a wrong content hash is noticed`() throws {
        let event = try Event(pdu: pdu(in: .v12) { $0["content"] = ["body": "changed"] }, version: .v12)
        #expect(!event.hasValidContentHash())
        let missing = try Event(pdu: pdu(in: .v12) { $0["hashes"] = [:] }, version: .v12)
        #expect(!missing.hasValidContentHash())
    }

    @Test func `an event from storage is read without checks`() {
        let event = Event(
            stored: ["type": 1, "prev_events": "x"], eventID: EventID(trusted: "$a"), roomID: RoomID(trusted: "!a"),
            version: .v12)
        #expect(event.type == "")
        #expect(event.prevEvents.isEmpty)
        #expect(event.stateKey == nil)
    }

    @Test func `clients learn what is wrong`() {
        #expect(EventFormatError.tooLarge(bytes: 70_000).matrixError.status == 413)
        #expect(EventFormatError.tooLarge(bytes: 70_000).matrixError.code == .tooLarge)
        #expect(EventFormatError.tooLong(field: "type", limit: 255).matrixError.code == .tooLarge)
        #expect(EventFormatError.notCanonical(.notAnInteger(1.5)).matrixError.code == .badJSON)
        #expect(EventFormatError.missing(field: "type").matrixError.status == 400)
    }
}
