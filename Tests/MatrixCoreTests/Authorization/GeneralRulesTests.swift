import MatrixCore
import Testing

/// The rules that are not about memberships or power levels.
@Suite struct GeneralRulesTests {
    @Test(arguments: RoomVersion.supported)
    func `a closed room refuses users of other servers`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var state = room.start()
        state = state.with(room.addCreate(["m.federate": false]))
        let foreign = room.addMember("bob", bob, .join, on: state)
        #expect(try room.refusal(of: foreign, on: state)?.rule == version.pick(v1: "3", v12: "4"))
        let local = room.addMember("dora", dora, .join, on: state)
        #expect(try room.refusal(of: local, on: state) == nil)
    }

    @Test(arguments: RoomVersion.supported)
    func `nobody sends to a room without a create event`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let state = room.start()
        let message = room.add("message", .message, by: alice, [:], on: state)
        #expect(try room.refusal(of: message, on: state.without(.create))?.rule == version.pick(v1: "2.4", v12: "2"))
    }

    @Test(arguments: RoomVersion.supported)
    func `aliases had a rule of their own up to version 5`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let state = room.start()
        func rule(by sender: UserID, key: String?) throws -> String? {
            try room.refusal(of: room.add("aliases", .aliases, key: key, by: sender, [:], on: state), on: state)?.rule
        }
        // Bob is not in the room.
        let notJoined = version.pick(v1: nil, v6: "5", v12: "6") as String?
        #expect(try rule(by: bob, key: "b.example") == notJoined)
        #expect(try rule(by: bob, key: "a.example") == version.pick(v1: "4.2", v6: notJoined))
        #expect(try rule(by: bob, key: nil) == version.pick(v1: "4.1", v6: notJoined))
        #expect(try rule(by: alice, key: "b.example") == version.pick(v1: "4.2", v6: .some(nil)))
    }

    @Test(arguments: RoomVersion.supported, [Membership.invite, .knock, .leave, .ban, nil])
    func `only a joined user sends`(version: RoomVersion, membership: Membership?) throws {
        let room = TestRoom(version)
        var state = room.start()
        if let membership { state = state.with(room.addMember("bob", bob, membership, on: state)) }
        let message = room.add("message", .message, by: bob, [:], on: state)
        let failure = try room.refusal(of: message, on: state)
        #expect(failure?.rule == version.pick(v1: "6", v6: "5", v12: "6"))
        #expect(failure?.reason == "User @bob:b.example not in room \(room.roomID)")
        #expect(failure?.matrixError.status == 403)
        let joined = state.with(room.addMember("bob", bob, .join, on: state))
        #expect(try room.refusal(of: message, on: joined) == nil)
    }

    @Test(arguments: RoomVersion.supported)
    func `a third-party invite needs the invite level, not that of state`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var state = room.start()
        state = state.with(room.addMember("bob", bob, .join, on: state))
        let invite = room.add("offer", .thirdPartyInvite, key: "token", by: bob, [:], on: state)
        #expect(try room.refusal(of: invite, on: state) == nil)
        let strict = state.with(room.addPowerLevels("levels2", [alice: 100], ["invite": 1], on: state))
        #expect(try room.refusal(of: invite, on: strict)?.rule == version.pick(v1: "7.1", v6: "6.1", v12: "7.1"))
    }

    @Test(arguments: RoomVersion.supported)
    func `an event needs the level of its type`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var state = room.start()
        state = state.with(room.addMember("bob", bob, .join, on: state))
        let rule = version.pick(v1: "8", v6: "7", v12: "8")
        let topic = room.add("topic", .topic, key: "", by: bob, [:], on: state)
        let message = room.add("message", .message, by: bob, [:], on: state)
        #expect(try room.refusal(of: topic, on: state)?.rule == rule)
        #expect(try room.refusal(of: message, on: state) == nil)

        let open = state.with(
            room.addPowerLevels(
                "levels2", [alice: 100], ["events": ["m.room.topic": 0, "m.room.message": 1]], on: state))
        #expect(try room.refusal(of: topic, on: open) == nil)
        let failure = try room.refusal(of: message, on: open)
        #expect(failure?.rule == rule)
        #expect(failure?.reason.hasPrefix("You don't have permission to post that to the room.") == true)
    }

    @Test(arguments: RoomVersion.supported)
    func `a state key that is a user ID belongs to that user`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let state = room.start()
        for (key, rule) in [
            (alice.string, nil), (bob.string, version.pick(v1: "9", v6: "8", v12: "9")), ("bob", nil),
            ("@", version.pick(v1: "9", v6: "8", v12: "9")),
        ] {
            let event = room.add("own", "org.example.own", key: key, by: alice, [:], on: state)
            #expect(try room.refusal(of: event, on: state)?.rule == rule)
        }
    }

    @Test(arguments: RoomVersion.supported)
    func `redactions were restricted up to version 2`(version: RoomVersion) throws {
        let room = TestRoom(version)
        var state = room.start()
        state = state.with(room.addMember("bob", bob, .join, on: state))
        func refusal(by sender: UserID, of redacted: String) throws -> String? {
            let redaction = room.add("redaction", .redaction, by: sender, [:], on: state) {
                $0["redacts"] = .string(redacted)
            }
            return try room.refusal(of: redaction, on: state)?.rule
        }
        #expect(try refusal(by: alice, of: "$x:z.example") == nil)
        #expect(try refusal(by: bob, of: "$x:a.example") == nil)
        #expect(try refusal(by: bob, of: "$x:z.example") == (version >= .v3 ? nil : "11.3"))
    }

    @Test func `what a look-up throws comes through`() {
        struct Lost: Error {}
        let room = TestRoom(.v11)
        let message = room.add("message", .message, by: alice, [:])
        #expect(throws: Lost.self) { try authorize(message) { _ in throw Lost() } }
    }

    @Test func `only selected state is looked up`() throws {
        for version in RoomVersion.supported {
            let room = TestRoom(version)
            let state = room.start(joinRule: version.pick(v1: "public", v8: "restricted"))
            let join = room.addMember(
                "bob", bob, .join, ["join_authorised_via_users_server": .string(alice.string)], on: state)
            for event in [join, room.add("topic", .topic, key: "", by: alice, [:], on: state)] {
                let allowed = Set(event.authorizationStateKeys + [.create])
                try? authorize(event) { key in
                    #expect(allowed.contains(key))
                    return state[key].flatMap { room.events[$0] }
                }
            }
        }
    }
}
