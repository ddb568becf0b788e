import MatrixCore

/// Room state, as the rules see it.
typealias State = [StateKey: EventID]

extension State {
    /// This state after `events`.
    func with(_ events: Event...) -> State {
        var state = self
        for event in events {
            if let key = event.state { state[key] = event.eventID }
        }
        return state
    }

    /// This state without a key.
    func without(_ key: StateKey) -> State {
        var state = self
        state[key] = nil
        return state
    }
}

let alice = UserID(trusted: "@alice:a.example")
let bob = UserID(trusted: "@bob:b.example")
let charlie = UserID(trusted: "@charlie:c.example")
let dora = UserID(trusted: "@dora:a.example")

/// Fabricates the events of one room, without hashes or signatures.
///
/// Event IDs are made of short names: `"topic"` is `$topic`, or `$topic:a.example` where IDs have a server.
final class TestRoom {
    let version: RoomVersion
    let roomID: RoomID
    private(set) var events: [EventID: Event] = [:]
    private var clock: Int64 = 0

    init(_ version: RoomVersion) {
        self.version = version
        roomID = RoomID(trusted: version.eventFormat.roomIDIsCreateHash ? "!create" : "!room:a.example")
    }

    func id(_ name: String) -> EventID {
        EventID(trusted: version.eventFormat.eventID == .chosen ? "$\(name):a.example" : "$\(name)")
    }

    /// Makes an event as a server would on `state`, and keeps it.
    /// - Parameters:
    ///   - authEvents: The names of its auth events; by default those that are to be selected from `state`.
    ///   - time: Its `origin_server_ts`; by default later than that of the last event.
    @discardableResult
    func add(
        _ name: String, _ type: EventType, key: String? = nil, by sender: UserID, _ content: JSONObject,
        on state: State = [:], authEvents: [String]? = nil, previous: [String] = ["previous"], time: Int64? = nil,
        depth: Int64? = nil, change: (inout JSONObject) -> Void = { _ in }
    ) -> Event {
        clock = time ?? clock + 1
        let selected = authorizationStateKeys(
            type: type, stateKey: key, sender: sender, content: content, version: version
        ).compactMap { state[$0] }
        var object: JSONObject = [
            "type": .string(type.string), "sender": .string(sender.string), "content": .object(content),
            "origin_server_ts": .integer(clock), "depth": .integer(depth ?? clock),
            "auth_events": references(authEvents.map { $0.map(id) } ?? selected),
            "prev_events": references(previous.map(id)),
        ]
        if let key { object["state_key"] = .string(key) }
        if type != .create || !version.eventFormat.roomIDIsCreateHash {
            object["room_id"] = .string(roomID.string)
        }
        change(&object)
        let event = Event(stored: object, eventID: id(name), roomID: roomID, version: version)
        events[event.eventID] = event
        return event
    }

    private func references(_ ids: [EventID]) -> JSON {
        .array(ids.map { version.eventFormat.referencesCarryHashes ? [.string($0.string), [:]] : .string($0.string) })
    }

    func addCreate(by sender: UserID = alice, _ content: JSONObject = [:]) -> Event {
        var all: JSONObject = ["room_version": .string(version.id)]
        if !version.authorization.creatorIsSender { all["creator"] = .string(sender.string) }
        for (key, value) in content { all[key] = value }
        return add("create", .create, key: "", by: sender, all, previous: [])
    }

    @discardableResult
    func addMember(
        _ name: String, _ user: UserID, _ membership: Membership, by sender: UserID? = nil, _ more: JSONObject = [:],
        on state: State = [:], authEvents: [String]? = nil, time: Int64? = nil, depth: Int64? = nil
    ) -> Event {
        var content: JSONObject = ["membership": .string(membership.rawValue)]
        for (key, value) in more { content[key] = value }
        return add(
            name, .member, key: user.string, by: sender ?? user, content, on: state, authEvents: authEvents,
            time: time, depth: depth)
    }

    /// Power levels of users; creators that may not be named are left out.
    @discardableResult
    func addPowerLevels(
        _ name: String, _ users: [UserID: Int64], by sender: UserID = alice, _ more: JSONObject = [:],
        on state: State = [:], authEvents: [String]? = nil, time: Int64? = nil, depth: Int64? = nil
    ) -> Event {
        var content = more
        var levels: JSONObject = [:]
        for (user, level) in users.sorted(by: { $0.key < $1.key })
        where user != alice || !version.authorization.creatorsHaveInfinitePower {
            levels[user.string] = .integer(level)
        }
        content["users"] = .object(levels)
        return add(
            name, .powerLevels, key: "", by: sender, content, on: state, authEvents: authEvents, time: time,
            depth: depth)
    }

    /// A room that Alice created and joined, with level 100 for her.
    /// - Parameter joinRule: `nil` for a room without `m.room.join_rules`.
    func start(joinRule: String? = "public", powerLevels: JSONObject = [:]) -> State {
        var state: State = [:].with(addCreate())
        state = state.with(
            add(
                "alice", .member, key: alice.string, by: alice, ["membership": "join"], on: state,
                previous: ["create"]))
        state = state.with(addPowerLevels("levels", [alice: 100], powerLevels, on: state))
        if let joinRule {
            state = state.with(
                add("rules", .joinRules, key: "", by: alice, ["join_rule": .string(joinRule)], on: state))
        }
        return state
    }

    /// Why `event` is refused on `state`; `nil` if it is allowed.
    func refusal(of event: Event, on state: State) throws -> AuthorizationFailure? {
        do {
            try authorize(event) { key in state[key].flatMap { events[$0] } }
            return nil
        } catch let failure as AuthorizationFailure {
            return failure
        }
    }

    /// Why `event` is refused by its own auth events; `nil` if it is allowed.
    func refusalByAuthEvents(of event: Event, rejected: Set<EventID> = []) -> AuthorizationFailure? {
        do {
            try authorize(
                event, authEvents: event.authEvents.compactMap { events[$0] }, create: events[id("create")],
                isRejected: rejected.contains)
            return nil
        } catch {
            return error
        }
    }
}

extension RoomVersion {
    /// What holds in this version, where each value holds from the version it is labelled with.
    func pick<Value>(v1: Value, v6: Value? = nil, v8: Value? = nil, v10: Value? = nil, v12: Value? = nil) -> Value {
        var picked = v1
        for (since, value) in [(RoomVersion.v6, v6), (.v8, v8), (.v10, v10), (.v12, v12)] {
            if let value, self >= since { picked = value }
        }
        return picked
    }

    static func >= (left: RoomVersion, right: RoomVersion) -> Bool { left.number >= right.number }

    private var number: Int { Int(id) ?? 0 }
}
