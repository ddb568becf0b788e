import MatrixCore
import Testing

@Suite struct MembershipRulesTests {
    /// A room in which some users have a membership, as if they had come by it rightly.
    private func room(
        _ version: RoomVersion, joinRule: String? = "invite", _ members: [UserID: Membership] = [:],
        levels: [UserID: Int64] = [:], _ more: JSONObject = [:]
    ) -> (TestRoom, State) {
        let room = TestRoom(version)
        var state = room.start(joinRule: joinRule)
        for (user, membership) in members {
            state = state.with(room.addMember(user.localpart, user, membership, on: state))
        }
        var all = levels
        all[alice] = all[alice] ?? 100
        return (room, state.with(room.addPowerLevels("levels2", all, more, on: state)))
    }

    private func signed(by server: String) -> (inout JSONObject) -> Void {
        { $0["signatures"] = .object([server: ["ed25519:1": "sig"]]) }
    }

    @Test(arguments: RoomVersion.supported)
    func `a membership event needs a state key and a membership that is known`(version: RoomVersion) throws {
        let (room, state) = room(version)
        let rule = version.pick(v1: "5.1", v6: "4.1", v12: "5.1")
        let keyless = room.add("m", .member, by: alice, ["membership": "join"], on: state)
        #expect(try room.refusal(of: keyless, on: state)?.rule == rule)
        for content in [[:], ["membership": 3]] as [JSONObject] {
            let event = room.add("m", .member, key: alice.string, by: alice, content, on: state)
            #expect(try room.refusal(of: event, on: state)?.rule == rule)
        }
        let unknown = room.add("m", .member, key: alice.string, by: alice, ["membership": "lurk"], on: state)
        let expected = ["5.6", "5.6", "5.6", "5.6", "5.6", "4.6", "4.7", "4.8", "4.8", "4.8", "4.8", "5.8"]
        let index = try #require(RoomVersion.supported.firstIndex(of: version))
        #expect(try room.refusal(of: unknown, on: state)?.rule == expected[index])
    }

    @Test(arguments: RoomVersion.supported)
    func `the creator joins on top of the create event`(version: RoomVersion) throws {
        let room = TestRoom(version)
        let state = State().with(room.addCreate())
        func rule(_ user: UserID, previous: [String]) throws -> String? {
            let join = room.add(
                "join", .member, key: user.string, by: user, ["membership": "join"], on: state, previous: previous)
            return try room.refusal(of: join, on: state)?.rule
        }
        let refused = version.pick(v1: "5.2.6", v6: "4.2.6", v8: "4.3.7", v12: "5.3.7")
        #expect(try rule(alice, previous: ["create"]) == nil)
        #expect(try rule(bob, previous: ["create"]) == refused)
        #expect(try rule(alice, previous: ["create", "other"]) == refused)
        #expect(try rule(alice, previous: ["other"]) == refused)
    }

    @Test(arguments: RoomVersion.supported)
    func `nobody joins for another, and no banned user joins`(version: RoomVersion) throws {
        let (room, state) = room(version, joinRule: "public", [bob: .ban])
        let forced = room.addMember("m", charlie, .join, by: alice, on: state)
        let section = version.pick(v1: "5.2", v6: "4.2", v8: "4.3", v12: "5.3")
        #expect(try room.refusal(of: forced, on: state)?.rule == "\(section).2")
        let banned = room.addMember("m", bob, .join, on: state)
        #expect(try room.refusal(of: banned, on: state)?.rule == "\(section).3")
    }

    @Test(
        arguments: RoomVersion.supported,
        ["public", "invite", "knock", "restricted", "knock_restricted", "private", "org.example.rule", nil])
    func `who may join is for the join rule to say`(version: RoomVersion, joinRule: String?) throws {
        let known =
            switch joinRule {
            case "public", "invite", nil: true
            case "knock": version >= .v7
            case "restricted": version >= .v8
            case "knock_restricted": version >= .v10
            default: false
            }
        for membership in [Membership.join, .invite, .knock, .leave, nil] {
            let (room, state) = room(version, joinRule: joinRule, membership.map { [bob: $0] } ?? [:])
            let join = room.addMember("m", bob, .join, on: state)
            let isAllowed = joinRule == "public" || known && (membership == .join || membership == .invite)
            #expect(try (room.refusal(of: join, on: state) == nil) == isAllowed)
        }
    }

    @Test(arguments: RoomVersion.supported)
    func `a restricted join needs a member who may invite, and the signature of that member's server`(
        version: RoomVersion
    ) throws {
        let (room, state) = room(
            version, joinRule: "restricted", [charlie: .join], levels: [charlie: 20], ["invite": 20])
        func rule(_ authorizer: JSON?, signed by: String = "c.example", on state: State) throws -> String? {
            var content: JSONObject = ["membership": "join"]
            content["join_authorised_via_users_server"] = authorizer
            let join = room.add(
                "m", .member, key: bob.string, by: bob, content, on: state, change: signed(by: by))
            return try room.refusal(of: join, on: state)?.rule
        }
        let via = JSON.string(charlie.string)
        let unknownRule = version.pick(v1: "5.2.6", v6: "4.2.6") as String?
        let unauthorized = version.pick(v1: unknownRule, v8: "4.3.5.2", v12: "5.3.5.2")
        #expect(try rule(via, on: state) == version.pick(v1: unknownRule, v8: .some(nil)))
        #expect(try rule(nil, on: state) == unauthorized)
        #expect(try rule(via, on: state.without(.member(charlie))) == unauthorized)
        let strict = state.with(room.addPowerLevels("levels3", [alice: 100, charlie: 19], ["invite": 20], on: state))
        #expect(try rule(via, on: strict) == unauthorized)

        let unsigned = version.pick(v1: unknownRule, v8: "4.2.1", v12: "5.2.1")
        #expect(try rule(via, signed: "b.example", on: state) == unsigned)
        #expect(try rule("charlie", on: state) == unsigned)
        #expect(try rule(3, on: state) == unsigned)
    }

    @Test(arguments: RoomVersion.supported)
    func `a member with the invite level invites who is not there and not banned`(version: RoomVersion) throws {
        let (room, state) = room(
            version, [bob: .join, charlie: .ban, dora: .leave], levels: [bob: 10], ["invite": 10])
        func rule(_ user: UserID, by sender: UserID, on state: State) throws -> String? {
            try room.refusal(of: room.addMember("m", user, .invite, by: sender, on: state), on: state)?.rule
        }
        let section = version.pick(v1: "5.3", v6: "4.3", v8: "4.4", v12: "5.4")
        #expect(try rule(dora, by: bob, on: state) == nil)
        #expect(try rule(alice, by: dora, on: state) == "\(section).2")
        #expect(try rule(alice, by: bob, on: state) == "\(section).3")
        #expect(try rule(charlie, by: bob, on: state) == "\(section).3")
        let strict = state.with(room.addPowerLevels("levels3", [alice: 100, bob: 9], ["invite": 10], on: state))
        #expect(try rule(dora, by: bob, on: strict) == "\(section).5")
    }

    @Test(arguments: RoomVersion.supported)
    func `a user leaves what they are in, and rejects an invite`(version: RoomVersion) throws {
        for membership in [Membership.join, .invite, .knock, .leave, .ban, nil] {
            let (room, state) = room(version, membership.map { [bob: $0] } ?? [:])
            let leave = room.addMember("m", bob, .leave, on: state)
            let isAllowed =
                membership == .join || membership == .invite || membership == .knock && version >= .v7
            let expected = version.pick(v1: "5.4.1", v6: "4.4.1", v8: "4.5.1", v12: "5.5.1")
            #expect(try room.refusal(of: leave, on: state)?.rule == (isAllowed ? nil : expected))
        }
    }

    @Test(arguments: RoomVersion.supported)
    func `kicking takes the kick level and more power than the target's`(version: RoomVersion) throws {
        let (room, state) = room(
            version, [bob: .join, charlie: .join, dora: .ban], levels: [bob: 50, charlie: 49], ["ban": 60])
        func rule(_ user: UserID, by sender: UserID, on state: State) throws -> String? {
            try room.refusal(of: room.addMember("m", user, .leave, by: sender, on: state), on: state)?.rule
        }
        let section = version.pick(v1: "5.4", v6: "4.4", v8: "4.5", v12: "5.5")
        #expect(try rule(charlie, by: bob, on: state) == nil)
        #expect(try rule(bob, by: charlie, on: state) == "\(section).5")
        #expect(try rule(alice, by: bob, on: state) == "\(section).5")
        #expect(try rule(bob, by: dora, on: state) == "\(section).2")
        // To unban takes the ban level too.
        #expect(try rule(dora, by: bob, on: state) == "\(section).3")
        #expect(try rule(dora, by: alice, on: state) == nil)
        let equal = state.with(room.addPowerLevels("levels3", [alice: 100, bob: 50, charlie: 50], on: state))
        #expect(try rule(charlie, by: bob, on: equal) == "\(section).5")
    }

    @Test(arguments: RoomVersion.supported)
    func `banning takes the ban level and more power than the target's`(version: RoomVersion) throws {
        let (room, state) = room(version, [bob: .join, charlie: .join], levels: [bob: 50, charlie: 50])
        func rule(_ user: UserID, by sender: UserID) throws -> String? {
            try room.refusal(of: room.addMember("m", user, .ban, by: sender, on: state), on: state)?.rule
        }
        let section = version.pick(v1: "5.5", v6: "4.5", v8: "4.6", v12: "5.6")
        #expect(try rule(dora, by: bob) == nil)
        #expect(try rule(charlie, by: alice) == nil)
        #expect(try rule(charlie, by: bob) == "\(section).3")
        #expect(try rule(alice, by: bob) == "\(section).3")
        #expect(try rule(bob, by: dora) == "\(section).1")
    }

    @Test func `creators cannot ban one another in version 12`() throws {
        let room = TestRoom(.v12)
        var state = room.start()
        state = state.with(room.addCreate(["additional_creators": ["@bob:b.example"]]))
        state = state.with(room.addMember("bob", bob, .join, on: state))
        let ban = room.addMember("m", bob, .ban, by: alice, on: state)
        #expect(try room.refusal(of: ban, on: state)?.rule == "5.6.3")
    }

    @Test(arguments: RoomVersion.supported, ["knock", "knock_restricted", "restricted", "invite", "public"])
    func `knocking is for rooms that allow it`(version: RoomVersion, joinRule: String) throws {
        let section = version.pick(v1: "4.6", v8: "4.7", v12: "5.7")
        let canKnock = joinRule == "knock" && version >= .v7 || joinRule == "knock_restricted" && version >= .v10
        for membership in [Membership.join, .invite, .knock, .leave, .ban, nil] {
            let (room, state) = room(version, joinRule: joinRule, membership.map { [bob: $0] } ?? [:])
            let knock = room.addMember("m", bob, .knock, on: state)
            let isOutside = membership == .leave || membership == .knock || membership == nil
            let failure = try room.refusal(of: knock, on: state)
            #expect((failure == nil) == (canKnock && isOutside))
            if canKnock, !isOutside { #expect(failure?.rule == "\(section).4") }
        }
        guard canKnock else { return }
        let (room, state) = room(version, joinRule: joinRule)
        let forced = room.addMember("m", bob, .knock, by: alice, on: state)
        #expect(try room.refusal(of: forced, on: state)?.rule == "\(section).2")
    }
}

@Suite struct ThirdPartyInviteRulesTests {
    private let key: SigningKey

    init() throws { key = try #require(SigningKey(seed: Array(0..<32), version: "0")) }

    /// What an identity server signs when Bob takes up an offer.
    private func signed(mxid: JSON? = "@bob:b.example", token: JSON? = "token") throws -> JSONObject {
        var object: JSONObject = [:]
        object["mxid"] = mxid
        object["token"] = token
        return try key.signing(object, as: "id.example")
    }

    /// An invite of Bob's on a third-party invite by Alice, in a room where she may not invite otherwise.
    private func rule(
        _ version: RoomVersion, _ thirdPartyInvite: JSON, by sender: UserID = alice, offer: JSONObject,
        banned: Bool = false
    ) throws -> String? {
        let room = TestRoom(version)
        var state = room.start(powerLevels: ["invite": 1000])
        state = state.with(room.add("offer", .thirdPartyInvite, key: "token", by: alice, offer, on: state))
        if banned { state = state.with(room.addMember("bob", bob, .ban, by: alice, on: state)) }
        let invite = room.addMember(
            "m", bob, .invite, by: sender, ["third_party_invite": thirdPartyInvite], on: state)
        return try room.refusal(of: invite, on: state)?.rule
    }

    @Test(arguments: RoomVersion.supported)
    func `a third-party invite stands on its signature alone`(version: RoomVersion) throws {
        let section = version.pick(v1: "5.3.1", v6: "4.3.1", v8: "4.4.1", v12: "5.4.1")
        let publicKey = JSON.string(key.publicKey.base64)
        let urlSafe = JSON.string(Base64.encode(key.publicKey.bytes, alphabet: .urlSafe))
        let otherKey = try #require(SigningKey(seed: Array(1...32), version: "0"))
        let other = JSON.string(otherKey.publicKey.base64)
        let offer: JSONObject = ["public_key": publicKey]
        let good: JSON = ["signed": .object(try signed())]

        #expect(try rule(version, good, offer: offer) == nil)
        #expect(
            try rule(version, good, offer: ["public_keys": [["public_key": other], ["public_key": urlSafe]]]) == nil)
        #expect(try rule(version, good, offer: offer, banned: true) == "\(section).1")
        #expect(try rule(version, [:], offer: offer) == "\(section).2")
        #expect(try rule(version, 3, offer: offer) == "\(section).2")
        #expect(try rule(version, ["signed": .object(signed(mxid: nil))], offer: offer) == "\(section).3")
        #expect(try rule(version, ["signed": .object(signed(token: nil))], offer: offer) == "\(section).3")
        #expect(try rule(version, ["signed": .object(signed(mxid: "@eve:b.example"))], offer: offer) == "\(section).4")
        #expect(try rule(version, ["signed": .object(signed(token: "other"))], offer: offer) == "\(section).5")
        #expect(try rule(version, good, by: charlie, offer: offer) == "\(section).6")
        #expect(try rule(version, good, offer: ["public_key": other]) == "\(section).8")
        #expect(try rule(version, good, offer: [:]) == "\(section).8")
    }

    @Test func `an invite with thousands of signatures is refused in good time`() throws {
        var signed = try signed()
        let wrong = JSON.string(Base64.encode([UInt8](repeating: 7, count: 64)))
        var signatures = JSONObject()
        for index in 0..<2_000 { signatures.appendNew("ed25519:\(index)", wrong) }
        signed["signatures"] = ["id.example": .object(signatures)]
        let keys = (0..<200).map { _ in JSON.object(["public_key": .string(key.publicKey.base64)]) }
        let started = ContinuousClock.now
        #expect(try rule(.v10, ["signed": .object(signed)], offer: ["public_keys": .array(keys)]) == "4.4.1.8")
        #expect(ContinuousClock.now - started < .seconds(2))
    }
}
