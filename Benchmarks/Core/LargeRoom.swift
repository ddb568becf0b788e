import MatrixCore

/// A room with many members, forked: under some keys its two states differ.
struct LargeRoom {
    let server = ServerName("example.org") ?? ServerName(trusted: "example.org")
    private(set) var events: [EventID: Event] = [:]
    /// The state both forks share.
    private(set) var base: [StateKey: EventID] = [:]
    private(set) var forks: [[StateKey: EventID]] = []
    private let version: RoomVersion
    private let key: SigningKey
    private let creator: UserID
    private var roomID: RoomID?
    private var latest: [EventID] = []
    private var clock: Int64 = 1_700_000_000_000

    init(members: Int, conflicts: Int, version: RoomVersion, key: SigningKey) throws {
        self.version = version
        self.key = key
        creator = UserID(trusted: "@creator:example.org")
        try add(StateKey(.create), ["room_version": .string(version.id)], by: creator)
        try add(.member(creator), ["membership": "join"], by: creator)
        var levels = JSONObject()
        for number in 0..<1_000 { levels.appendNew("@user\(number):example.org", 50) }
        try add(.powerLevels, ["users": .object(levels), "state_default": 50], by: creator)
        try add(.joinRules, ["join_rule": "public"], by: creator)
        for number in 0..<members {
            let user = UserID(trusted: "@user\(number):example.org")
            try add(.member(user), ["membership": "join"], by: user)
        }
        let tip = latest
        for fork in 0..<2 {
            var state = base
            latest = tip
            for number in 0..<conflicts {
                let conflicting = StateKey(EventType("org.example.setting"), "\(number)")
                let user = UserID(trusted: "@user\(number + fork):example.org")
                state[conflicting] = try make(conflicting, ["value": .integer(Int64(fork))], by: user).eventID
            }
            forks.append(state)
        }
        latest = tip
    }

    /// A message that one of the members is about to send.
    var messageDraft: EventDraft {
        let sender = UserID(trusted: "@user7:example.org")
        let content: JSONObject = [
            "msgtype": "m.text", "body": .string("The quick brown fox jumps over the lazy dog. " + "Lorem ipsum. "),
            "m.mentions": ["user_ids": []],
        ]
        return EventDraft(
            roomID: roomID, sender: sender, type: .message, content: content,
            originServerTS: Timestamp(milliseconds: clock), depth: 100, prevEvents: latest,
            authEvents: authEvents(type: .message, nil, sender, content))
    }

    private func authEvents(type: EventType, _ stateKey: String?, _ sender: UserID, _ content: JSONObject) -> [EventID]
    {
        authorizationStateKeys(type: type, stateKey: stateKey, sender: sender, content: content, version: version)
            .compactMap { base[$0] }
    }

    private mutating func add(_ state: StateKey, _ content: JSONObject, by sender: UserID) throws {
        base[state] = try make(state, content, by: sender).eventID
    }

    private mutating func make(_ state: StateKey, _ content: JSONObject, by sender: UserID) throws -> Event {
        clock += 1
        let draft = EventDraft(
            roomID: roomID, sender: sender, type: state.type, stateKey: state.key, content: content,
            originServerTS: Timestamp(milliseconds: clock), depth: Int64(events.count + 1), prevEvents: latest,
            authEvents: authEvents(type: state.type, state.key, sender, content))
        let event = try draft.sealed(version: version, origin: server, key: key)
        roomID = event.roomID
        events[event.eventID] = event
        latest = [event.eventID]
        return event
    }

    /// Everything that `start` rests on, itself included.
    func authChain(of start: Set<EventID>) -> Set<EventID> {
        var chain = start
        var waiting = Array(start)
        while let id = waiting.popLast() {
            for auth in events[id]?.authEvents ?? [] where chain.insert(auth).inserted { waiting.append(auth) }
        }
        return chain
    }
}
