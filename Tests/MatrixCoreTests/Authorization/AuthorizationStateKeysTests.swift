import MatrixCore
import Testing

@Suite struct AuthorizationStateKeysTests {
    private func keys(
        _ version: RoomVersion, _ type: EventType, key: String? = nil, _ content: JSONObject = [:]
    ) -> Set<StateKey> {
        let keys = authorizationStateKeys(type: type, stateKey: key, sender: alice, content: content, version: version)
        #expect(Set(keys).count == keys.count)
        return Set(keys)
    }

    private func base(_ version: RoomVersion) -> Set<StateKey> {
        let common: Set<StateKey> = [.powerLevels, .member(alice)]
        return version.pick(v1: common.union([.create]), v12: common)
    }

    @Test(arguments: RoomVersion.supported)
    func `nothing authorizes a create event`(version: RoomVersion) {
        #expect(keys(version, .create, key: "").isEmpty)
    }

    @Test(arguments: RoomVersion.supported)
    func `a message needs the create event, the levels and its sender's membership`(version: RoomVersion) {
        #expect(keys(version, .message) == base(version))
        #expect(keys(version, .topic, key: "") == base(version))
    }

    @Test(arguments: RoomVersion.supported, ["join", "invite", "knock", "leave", "ban"])
    func `a membership needs that of its target, and to come in the join rules`(
        version: RoomVersion, membership: String
    ) {
        let entering = ["join", "invite", "knock"].contains(membership)
        #expect(
            keys(version, .member, key: bob.string, ["membership": .string(membership)])
                == base(version).union([.member(bob)]).union(entering ? [.joinRules] : []))
    }

    @Test(arguments: RoomVersion.supported, ["join", "leave"])
    func `a restricted join needs the membership of the user who authorized it`(
        version: RoomVersion, membership: String
    ) {
        let content: JSONObject = [
            "membership": .string(membership), "join_authorised_via_users_server": .string(charlie.string),
        ]
        #expect(
            keys(version, .member, key: alice.string, content).contains(.member(charlie))
                == (membership == "join" && version >= .v8))
    }

    @Test(arguments: RoomVersion.supported)
    func `a third-party invite needs the offer it takes up`(version: RoomVersion) {
        let content: JSONObject = ["membership": "invite", "third_party_invite": ["signed": ["token": "abc"]]]
        #expect(keys(version, .member, key: bob.string, content).contains(StateKey(.thirdPartyInvite, "abc")))
        let broken: JSONObject = ["membership": "invite", "third_party_invite": ["signed": 3]]
        #expect(keys(version, .member, key: bob.string, broken) == base(version).union([.member(bob), .joinRules]))
    }
}
