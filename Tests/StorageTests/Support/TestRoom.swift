import MatrixCore
import SQLEngine
import Storage

let alice = UserID(trusted: "@alice:example.org")
let bob = UserID(trusted: "@bob:example.org")
let charlie = UserID(trusted: "@charlie:remote.example")

/// A room whose events are made, signed and committed like real ones; nothing asks whether they are allowed.
final class TestRoom {
    static let server = ServerName(trusted: "example.org")
    static let key: SigningKey = {
        guard let key = SigningKey(seed: Array(0..<32), version: "a_test") else { preconditionFailure("32 bytes") }
        return key
    }()

    private(set) var storage: TestStorage
    let handle: RoomHandle
    /// Where the room stands.
    private(set) var position: RoomPosition
    private var clock: Int64 = 1_000

    private init(_ storage: TestStorage, _ handle: RoomHandle) {
        self.storage = storage
        self.handle = handle
        position = RoomPosition(room: handle, state: .empty, lastStream: 0, extremities: [])
    }

    /// A public room that Alice created and joined, and in which she has level 100.
    @discardableResult
    static func make(
        in storage: TestStorage, version: RoomVersion = .v11, id: String = "!room:example.org",
        powerLevels: JSONObject = [:]
    ) async throws -> TestRoom {
        let namesItself = version.eventFormat.roomIDIsCreateHash
        let create = try EventDraft(
            roomID: namesItself ? nil : RoomID(trusted: id), sender: alice, type: .create, stateKey: "",
            content: ["room_version": .string(version.id), "creator": .string(alice.string), "note": .string(id)],
            originServerTS: Timestamp(milliseconds: 1_000), depth: 1, prevEvents: [], authEvents: []
        ).sealed(version: version, origin: server, key: key)
        let handle = try await storage.write { stores in
            try stores.insertRoom(create.roomID, version: version, at: Timestamp(milliseconds: 1_000))
        }
        let room = TestRoom(storage, handle)
        try await room.commit(create)
        try await room.send(.member, key: alice.string, ["membership": "join"])
        var levels = powerLevels
        if !namesItself { levels["users"] = [alice.string: 100] }
        try await room.send(.powerLevels, key: "", levels)
        try await room.send(.joinRules, key: "", ["join_rule": "public"])
        return room
    }

    /// Goes on with nothing in memory, as after a start.
    func restart() async throws { storage = try await storage.restarted() }

    /// An event on the tips, or on `previous`, that rests on the state there, or on `state`.
    func draft(
        _ type: EventType, key: String? = nil, _ content: JSONObject, by sender: UserID = alice,
        on previous: [Event]? = nil, state known: [StateKey: EventID]? = nil, redacts: EventID? = nil,
        time: Int64? = nil
    ) async throws -> Event {
        clock = time ?? clock + 1
        let ids = previous.map { $0.map(\.eventID) } ?? position.extremities.map(\.id)
        let depth = previous.map { $0.map(\.depth) } ?? position.extremities.map(\.depth)
        let keys = authorizationStateKeys(
            type: type, stateKey: key, sender: sender, content: content, version: handle.version)
        let state: [StateKey: EventID]
        if let known { state = known } else { state = ids.isEmpty ? [:] : try await self.state(after: ids) }
        return try EventDraft(
            roomID: handle.id, sender: sender, type: type, stateKey: key, content: content,
            originServerTS: Timestamp(milliseconds: clock), redacts: redacts, depth: (depth.max() ?? 0) + 1,
            prevEvents: ids, authEvents: keys.compactMap { state[$0] }
        ).sealed(version: handle.version, origin: Self.server, key: Self.key)
    }

    /// What holds after events that don't disagree.
    private func state(after ids: [EventID]) async throws -> [StateKey: EventID] {
        try await storage.read { stores in
            var state: [StateKey: EventID] = [:]
            for id in ids {
                guard let event = try stores.event(id), let before = event.record.stateBefore else { continue }
                for entry in try stores.states.entries(of: before) {
                    state[try stores.key(entry.key)] = try stores.event(entry.event)?.eventID
                }
                if let key = event.state { state[key] = id }
            }
            return state
        }
    }

    @discardableResult
    func commit(_ events: [EventToCommit]) async throws -> Commit {
        let before = position
        let commit = try await storage.write { try $0.commit(events, onto: before) }
        position = commit.position
        return commit
    }

    @discardableResult
    func commit(_ events: Event...) async throws -> Commit { try await commit(events.map { EventToCommit($0) }) }

    /// Makes an event on the tips and commits it.
    @discardableResult
    func send(
        _ type: EventType, key: String? = nil, _ content: JSONObject, by sender: UserID = alice, time: Int64? = nil
    ) async throws -> Event {
        let event = try await draft(type, key: key, content, by: sender, time: time)
        try await commit(event)
        return event
    }

    @discardableResult
    func join(_ user: UserID) async throws -> Event {
        try await send(.member, key: user.string, ["membership": "join"], by: user)
    }

    @discardableResult
    func say(_ text: String, by sender: UserID = alice, time: Int64? = nil) async throws -> Event {
        try await send(.message, ["body": .string(text), "msgtype": "m.text"], by: sender, time: time)
    }

    func stored(_ event: Event) async throws -> StoredEvent? { try await storage.read { try $0.event(event.eventID) } }

    /// The current state, read from its table.
    func currentState() async throws -> [StateKey: EventID] {
        let room = handle.number
        return try await storage.read { stores in
            let rows = try stores.transaction.all(
                "SELECT state_key, event FROM current_state WHERE room = $1", .integer(room)
            ) { ($0.int(0), $0.int(1)) }
            return try stores.named(rows)
        }
    }

    /// The entries of a state.
    func state(_ root: StateRoot) async throws -> [StateKey: EventID] {
        try await storage.read { stores in
            try stores.named(try stores.states.entries(of: root).map { ($0.key, $0.event) })
        }
    }
}

extension RoomStores {
    fileprivate func named(_ entries: [(StateKeyNumber, EventNumber)]) throws -> [StateKey: EventID] {
        var state: [StateKey: EventID] = [:]
        for (key, number) in entries { state[try self.key(key)] = try event(number)?.eventID }
        return state
    }
}
