import MatrixCore
import Testing

@Suite struct PowerLevelRulesTests {
    /// Why a change of power levels is refused; Bob has 50, Charlie 40, Dora 50.
    private func rule(
        _ version: RoomVersion, from old: JSONObject? = [:], to new: JSONObject, by sender: UserID = bob
    ) throws -> String? {
        let room = TestRoom(version)
        var state = room.start().without(.powerLevels)
        for user in [bob, charlie, dora] {
            state = state.with(room.addMember(user.localpart, user, .join, on: state))
        }
        if var old {
            if !old.contains("users") { old["users"] = users(version) }
            state = state.with(room.add("old", .powerLevels, key: "", by: alice, old, on: state))
        }
        var new = new
        if old != nil, !new.contains("users") { new["users"] = users(version) }
        let event = room.add("new", .powerLevels, key: "", by: sender, new, on: state)
        return try room.refusal(of: event, on: state)?.rule
    }

    private func users(_ version: RoomVersion) -> JSON {
        let others: JSONObject = ["@bob:b.example": 50, "@charlie:c.example": 40, "@dora:a.example": 50]
        var all = others
        all["@alice:a.example"] = 100
        return .object(version.pick(v1: all, v12: others))
    }

    /// The number of a subrule, given as in version 1.
    private func number(_ version: RoomVersion, _ v1: Int, _ rest: String = "") -> String {
        let section = version.pick(v1: 10, v6: 9, v12: 10)
        return "\(section).\(v1 + version.pick(v1: 0, v10: 2, v12: v1 > 1 ? 3 : 2))\(rest)"
    }

    @Test(arguments: RoomVersion.supported)
    func `an unchanged event and a first one are allowed`(version: RoomVersion) throws {
        #expect(try rule(version, to: [:]) == nil)
        #expect(try rule(version, from: nil, to: ["ban": 1_000], by: alice) == nil)
    }

    @Test(arguments: RoomVersion.supported)
    func `users must be an object of user IDs and levels`(version: RoomVersion) throws {
        for users in [
            3, [], ["bob": 10], ["@bob": 10], ["@bob:b.example": true], ["@bob:b.example": "ten"],
            ["@bob:b.example": nil],
        ] as [JSON] {
            #expect(try rule(version, to: ["users": users], by: alice) == number(version, 1))
        }
        // Strings are levels before version 10.
        let strings = try rule(version, to: ["users": ["@bob:b.example": "10"]], by: alice)
        #expect(strings == version.pick(v1: nil, v10: number(version, 1)))
    }

    @Test(arguments: RoomVersion.supported)
    func `levels must be integers from version 10 on`(version: RoomVersion) throws {
        let section = version.pick(v1: 10, v6: 9, v12: 10)
        for action in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"] {
            let stringly = try rule(version, to: [action: "10"], by: alice)
            #expect(stringly == version.pick(v1: nil, v10: "\(section).1"))
        }
        for map in ["events", "notifications"] {
            for value in [3, ["x": "10"], ["x": .double(1.5)]] as [JSON] {
                let rule = try rule(version, from: nil, to: [map: value], by: alice)
                #expect(rule == version.pick(v1: nil, v10: "\(section).2"))
            }
        }
    }

    @Test(arguments: RoomVersion.supported)
    func `creators cannot be given a level in version 12`(version: RoomVersion) throws {
        for old in [nil, [:]] as [JSONObject?] {
            let named = try rule(version, from: old, to: ["users": ["@alice:a.example": 100]], by: alice)
            #expect(named == version.pick(v1: nil, v12: "10.4"))
        }
    }

    @Test(
        arguments: RoomVersion.supported,
        ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"])
    func `a level is changed within one's own`(version: RoomVersion, action: String) throws {
        let (tooHigh, raised) = (number(version, 3, ".1"), number(version, 3, ".2"))
        let needed: JSONObject = ["events": ["m.room.power_levels": 50]]
        func rule(_ old: JSON?, _ new: JSON?) throws -> String? {
            var (from, to) = (needed, needed)
            from[action] = old
            to[action] = new
            return try self.rule(version, from: from, to: to)
        }
        #expect(try rule(20, 50) == nil)
        #expect(try rule(nil, 50) == nil)
        #expect(try rule(50, nil) == nil)
        #expect(try rule(20, 51) == raised)
        #expect(try rule(nil, 51) == raised)
        #expect(try rule(51, 20) == tooHigh)
        #expect(try rule(51, nil) == tooHigh)
        #expect(try rule(51, 51) == nil)
    }

    @Test(arguments: RoomVersion.supported, ["events", "notifications"])
    func `an entry is changed within one's own level`(version: RoomVersion, map: String) throws {
        func rule(_ old: JSON?, _ new: JSON?) throws -> String? {
            var (from, to): (JSONObject, JSONObject) = (["x": 1], ["x": 1])
            from["org.example"] = old
            to["org.example"] = new
            return try self.rule(version, from: [map: .object(from)], to: [map: .object(to)])
        }
        let isChecked = map == "events" || version >= .v6
        #expect(try rule(20, 50) == nil)
        #expect(try rule(nil, 50) == nil)
        #expect(try rule(50, nil) == nil)
        #expect(try rule(51, 51) == nil)
        #expect(try rule(51, 50) == (isChecked ? number(version, 4, ".1") : nil))
        #expect(try rule(51, nil) == (isChecked ? number(version, 4, ".1") : nil))
        #expect(try rule(50, 51) == (isChecked ? number(version, 5, ".1") : nil))
        #expect(try rule(nil, 51) == (isChecked ? number(version, 5, ".1") : nil))
    }

    @Test(arguments: RoomVersion.supported)
    func `users of one's own level are out of reach, oneself is not`(version: RoomVersion) throws {
        func rule(_ user: UserID, _ level: JSON?) throws -> String? {
            var users = self.users(version).objectValue!
            users[user.string] = level
            return try self.rule(version, to: ["users": .object(users)])
        }
        #expect(try rule(charlie, 50) == nil)
        #expect(try rule(charlie, nil) == nil)
        #expect(try rule(charlie, 51) == number(version, 7, ".1"))
        #expect(try rule(dora, 49) == number(version, 6, ".1"))
        #expect(try rule(dora, nil) == number(version, 6, ".1"))
        #expect(try rule(bob, 10) == nil)
        #expect(try rule(bob, 51) == number(version, 7, ".1"))
        #expect(try rule(UserID(trusted: "@new:n.example"), 50) == nil)
        #expect(try rule(UserID(trusted: "@new:n.example"), 51) == number(version, 7, ".1"))
    }

    @Test(arguments: RoomVersion.supported.filter { !($0 >= .v10) })
    func `the same level written otherwise is no change before version 10`(version: RoomVersion) throws {
        #expect(try rule(version, from: ["ban": 99], to: ["ban": " +099"]) == nil)
        #expect(try rule(version, from: ["ban": 30], to: ["ban": "many"]) == number(version, 3))
    }

    @Test func `a change among thousands of users is checked in good time`() throws {
        var old = JSONObject()
        for index in 0..<1_500 { old.appendNew("@user\(index):a.example", 10) }
        old["@bob:b.example"] = 50
        var new = old
        new["@user7:a.example"] = 51
        let started = ContinuousClock.now
        #expect(try rule(.v11, from: ["users": .object(old)], to: ["users": .object(new)]) == "9.9.1")
        #expect(ContinuousClock.now - started < .seconds(1))
    }
}
