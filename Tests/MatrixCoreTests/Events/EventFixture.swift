import MatrixCore

/// Events to try things on.
enum EventFixture {
    static let server = ServerName(trusted: "example.org")
    static let sender = UserID(trusted: "@alice:example.org")
    static let key: SigningKey = {
        guard let key = SigningKey(seed: Array(0..<32), version: "a_test") else { preconditionFailure("32 bytes") }
        return key
    }()

    static func draft(
        _ type: EventType = .message, stateKey: String? = nil,
        content: JSONObject = ["body": "hello", "msgtype": "m.text"],
        in version: RoomVersion
    ) -> EventDraft {
        let isV12 = version.eventFormat.roomIDIsCreateHash
        return EventDraft(
            roomID: RoomID(trusted: isV12 ? "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM" : "!room:example.org"),
            sender: sender, type: type, stateKey: stateKey, content: content,
            originServerTS: Timestamp(milliseconds: 1_763_700_000_000), depth: 7,
            prevEvents: [EventID(trusted: "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg")],
            authEvents: [
                EventID(trusted: "$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk"),
                EventID(trusted: "$CD66HAED5npg6074c6pDtLKalHjVfYb2q4Q3LZgrW6o"),
            ])
    }

    static func message(in version: RoomVersion) throws -> Event {
        try draft(in: version).sealed(version: version, origin: server, key: key)
    }
}
