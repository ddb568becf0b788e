import MatrixCore
import Testing

/// Spec: the section "Redactions" of each room version's page.
struct RedactionTests {
    /// What each type keeps of its content, with the versions in which it does.
    private static let kept: [String: [(key: String, versions: ClosedRange<Int>)]] = [
        "m.room.member": [("membership", 1...12), ("join_authorised_via_users_server", 9...12)],
        "m.room.create": [("creator", 1...12), ("room_version", 11...12), ("anything", 11...12)],
        "m.room.join_rules": [("join_rule", 1...12), ("allow", 8...12)],
        "m.room.power_levels": [
            ("ban", 1...12), ("events", 1...12), ("events_default", 1...12), ("kick", 1...12), ("redact", 1...12),
            ("state_default", 1...12), ("users", 1...12), ("users_default", 1...12), ("invite", 11...12),
        ],
        "m.room.aliases": [("aliases", 1...5)],
        "m.room.history_visibility": [("history_visibility", 1...12)],
        "m.room.redaction": [("redacts", 11...12)],
        "m.room.message": [], "m.room.name": [], "m.room.third_party_invite": [], "m.room.server_acl": [],
        "org.example": [], "": [],
    ]

    private static let allKeys = [
        "membership", "join_authorised_via_users_server", "creator", "room_version", "anything", "join_rule", "allow",
        "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default", "invite",
        "notifications", "aliases", "history_visibility", "redacts", "body", "displayname", "name",
    ]

    @Test(arguments: RoomVersion.supported) func `of the content some keys of some types are kept`(
        _ version: RoomVersion
    )
        throws
    {
        let number = try #require(Int(version.id))
        let content = JSONObject(Self.allKeys.map { ($0, .string($0)) })
        for (type, keys) in Self.kept {
            let redacted = redact(["type": .string(type), "content": .object(content)], version: version)
            let expected = keys.filter { $0.versions.contains(number) }.map(\.key)
            if type == "m.room.create", number >= 11 {
                #expect(redacted["content"] == .object(content))
            } else {
                let actual = try #require(redacted.object("content")).members.map(\.key)
                #expect(Set(actual) == Set(expected), "\(type)")
            }
        }
    }

    @Test(arguments: RoomVersion.supported) func `of the event some members are kept`(_ version: RoomVersion) throws {
        let number = try #require(Int(version.id))
        let always = [
            "event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
            "prev_events", "auth_events", "origin_server_ts",
        ]
        let once = ["prev_state", "origin", "membership"]
        let never = ["unsigned", "redacts", "age_ts", "anything", "Type", "type "]
        var event = JSONObject((always + once + never).map { ($0, .string($0)) })
        event["content"] = [:]
        let redacted = redact(event, version: version)
        #expect(Set(redacted.members.map(\.key)) == Set(number < 11 ? always + once : always))
        #expect(redact(redacted, version: version) == redacted)
    }

    @Test(arguments: RoomVersion.supported)
    func `of a third-party invite the signed part is kept from version 11 on`(_ version: RoomVersion) throws {
        let number = try #require(Int(version.id))
        func redactedInvite(_ invite: JSON) -> JSON? {
            let content: JSONObject = ["membership": "invite", "third_party_invite": invite]
            return redact(["type": "m.room.member", "content": .object(content)], version: version)["content"]?[
                "third_party_invite"]
        }
        #expect(
            redactedInvite(["display_name": "alice", "signed": ["token": "t"]])
                == (number < 11 ? nil : ["signed": ["token": "t"]]))
        #expect(redactedInvite("no object") == nil)
    }

    @Test func `content that is no object becomes an empty one`() {
        #expect(
            redact(["type": "m.room.member", "content": []], version: .v11) == [
                "type": "m.room.member", "content": [:],
            ])
    }

    @Test func `a redacted event keeps its ID`() throws {
        let event = try EventFixture.message(in: .v10)
        let redacted = event.redacted()
        #expect(redacted.eventID == event.eventID)
        #expect(redacted.content.isEmpty)
        #expect(try Event(pdu: redacted.object, version: .v10).eventID == event.eventID)
        #expect(!redacted.hasValidContentHash())
    }
}
