import MatrixCore
import Testing

/// The rule on an event's own `auth_events`, and the create event's rule.
@Suite struct AuthEventsTests {
    @Test(arguments: RoomVersion.supported)
    func `events with the right auth events are allowed`(version: RoomVersion) {
        let room = TestRoom(version)
        let state = room.start()
        for event in room.events.values { #expect(room.refusalByAuthEvents(of: event) == nil) }
        let join = room.addMember("bob", bob, .join, on: state)
        #expect(room.refusalByAuthEvents(of: join) == nil)
    }

    @Test(arguments: RoomVersion.supported)
    func `two auth events for one key are refused`(version: RoomVersion) {
        let room = TestRoom(version)
        let state = room.start()
        room.addPowerLevels("levels2", [alice: 100], on: state)
        let selected = version.pick(v1: ["create", "alice", "levels"], v12: ["alice", "levels"])
        let message = room.add("message", .message, by: alice, [:], authEvents: selected + ["levels2"])
        #expect(room.refusalByAuthEvents(of: message)?.rule == version.pick(v1: "2.1", v12: "3.1"))
        let twice = room.add("message", .message, by: alice, [:], authEvents: selected + ["levels"])
        #expect(room.refusalByAuthEvents(of: twice)?.rule == version.pick(v1: "2.1", v12: "3.1"))
    }

    @Test(arguments: RoomVersion.supported)
    func `an auth event that is not to be selected is refused`(version: RoomVersion) {
        let room = TestRoom(version)
        _ = room.start()
        let selected = version.pick(v1: ["create", "alice", "levels"], v12: ["alice", "levels"])
        let message = room.add("message", .message, by: alice, [:], authEvents: selected + ["rules"])
        #expect(room.refusalByAuthEvents(of: message)?.rule == version.pick(v1: "2.2", v12: "3.2"))
        room.add("chat", .message, by: alice, [:])
        let onMessage = room.add("message", .message, by: alice, [:], authEvents: selected + ["chat"])
        #expect(room.refusalByAuthEvents(of: onMessage)?.rule == version.pick(v1: "2.2", v12: "3.2"))
    }

    @Test(arguments: RoomVersion.supported)
    func `a rejected auth event is refused`(version: RoomVersion) {
        let room = TestRoom(version)
        let message = room.add("message", .message, by: alice, [:], on: room.start())
        let failure = room.refusalByAuthEvents(of: message, rejected: [room.id("levels")])
        #expect(failure?.rule == version.pick(v1: "2.3", v12: "3.3"))
    }

    @Test(arguments: RoomVersion.supported)
    func `the create event must be there, except where the room ID names it`(version: RoomVersion) {
        let room = TestRoom(version)
        _ = room.start()
        let with = room.add("message", .message, by: alice, [:], authEvents: ["create", "alice", "levels"])
        #expect(room.refusalByAuthEvents(of: with)?.rule == version.pick(v1: nil, v12: "3.2"))
        let without = room.add("message", .message, by: alice, [:], authEvents: ["alice", "levels"])
        #expect(room.refusalByAuthEvents(of: without)?.rule == version.pick(v1: "2.4", v12: .some(nil)))
    }

    @Test func `in version 12 the room must have an accepted create event of its own`() throws {
        let room = TestRoom(.v12)
        let state = room.start()
        let message = room.add("message", .message, by: alice, [:], on: state)
        #expect(room.refusalByAuthEvents(of: message, rejected: [room.id("create")])?.rule == "2")
        let lost = #expect(throws: AuthorizationFailure.self) {
            try authorize(message, authEvents: message.authEvents.compactMap { room.events[$0] })
        }
        #expect(lost?.rule == "2")
        let other = room.add("create2", .create, key: "", by: alice, ["room_version": "12"], previous: [])
        #expect(try room.refusal(of: message, on: state.with(other))?.rule == "2")
    }

    @Test(arguments: RoomVersion.supported)
    func `an auth event of another room is refused`(version: RoomVersion) {
        let room = TestRoom(version)
        let state = room.start()
        let message = room.add("message", .message, by: alice, [:], on: state)
        let levels = room.events[room.id("levels")]!
        let foreign = Event(
            stored: levels.object, eventID: levels.eventID, roomID: RoomID(trusted: "!other:a.example"),
            version: version)
        let authEvents = message.authEvents.compactMap { $0 == foreign.eventID ? foreign : room.events[$0] }
        let failure = #expect(throws: AuthorizationFailure.self) {
            try authorize(message, authEvents: authEvents, create: room.events[room.id("create")])
        }
        #expect(failure?.rule == version.pick(v1: "2.5", v12: "3.5"))
    }

    @Test(arguments: RoomVersion.supported)
    func `a create event has nothing before it, a creator of its server and a known version`(
        version: RoomVersion
    ) throws {
        let room = TestRoom(version)
        #expect(try room.refusal(of: room.addCreate(), on: [:]) == nil)

        let later = room.add("later", .create, key: "", by: alice, ["creator": "@alice:a.example"])
        #expect(try room.refusal(of: later, on: [:])?.rule == "1.1")

        let foreign = room.addCreate(by: bob)
        #expect(try room.refusal(of: foreign, on: [:])?.rule == version.pick(v1: "1.2", v12: .some(nil)))

        for unknown in ["nope", 12, nil] as [JSON] {
            let create = room.addCreate(["room_version": unknown])
            #expect(try room.refusal(of: create, on: [:])?.rule == "1.3")
        }

        let creatorless = room.add("create", .create, key: "", by: alice, [:], previous: [])
        #expect(try room.refusal(of: creatorless, on: [:])?.rule == (version >= .v11 ? nil : "1.4"))

        for creators in ["@bob:b.example", [3], ["bob"], nil] as [JSON] {
            let create = room.addCreate(["additional_creators": creators])
            #expect(try room.refusal(of: create, on: [:])?.rule == version.pick(v1: nil, v12: "1.4"))
        }
        let shared = room.addCreate(["additional_creators": ["@bob:b.example", "@dora:a.example"]])
        #expect(try room.refusal(of: shared, on: [:]) == nil)
    }

    @Test func `a create event with a room ID is refused in version 12`() throws {
        let room = TestRoom(.v12)
        let create = room.add("create", .create, key: "", by: alice, [:], previous: []) {
            $0["room_id"] = "!create"
        }
        #expect(try room.refusal(of: create, on: [:])?.rule == "1.2")
    }
}
