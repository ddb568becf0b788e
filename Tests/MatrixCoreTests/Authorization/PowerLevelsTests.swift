import MatrixCore
import Testing

@Suite struct PowerLevelsTests {
    @Test(arguments: RoomVersion.supported)
    func `a room without power levels has its defaults and its creator`(version: RoomVersion) {
        let create = TestRoom(version).addCreate()
        let levels = PowerLevels(content: nil, create: create, version: version)
        #expect(!levels.isExplicit)
        #expect(levels.level(of: alice) == version.pick(v1: 100, v12: PowerLevels.infinite))
        #expect(levels.level(of: bob) == 0)
        #expect((levels.invite, levels.kick, levels.ban, levels.redact) == (0, 50, 50, 50))
        #expect(levels.required(for: .topic, state: true) == 50)
        #expect(levels.required(for: .message, state: false) == 0)
        #expect(levels.notifications() == 50)
    }

    @Test(arguments: RoomVersion.supported)
    func `what the event says goes before the defaults`(version: RoomVersion) {
        let levels = PowerLevels(
            content: [
                "users": ["@bob:b.example": 20], "users_default": 3, "events": ["m.room.topic": 7],
                "state_default": 60, "events_default": 1, "ban": 51, "kick": 52, "redact": 53, "invite": 54,
                "notifications": ["room": 55],
            ], create: nil, version: version)
        #expect(levels.level(of: bob) == 20)
        #expect(levels.level(of: charlie) == 3)
        #expect(levels.required(for: .topic, state: true) == 7)
        #expect(levels.required(for: .name, state: true) == 60)
        #expect(levels.required(for: .message, state: false) == 1)
        #expect((levels.ban, levels.kick, levels.redact, levels.invite) == (51, 52, 53, 54))
        #expect(levels.notifications() == 55)
    }

    @Test(
        arguments: [
            ("100", 100), ("000100", 100), (" +100 ", 100), ("\t-100\n", -100), (.double(50.57), 50),
            (.double(-2.9), -2), (.double(5.114698e4), 51146), (.double(1e300), Int64.max),
            ("99999999999999999999999", Int64.max), ("-99999999999999999999999", Int64.min),
        ] as [(JSON, Int64)])
    func `levels in strings and floats count before version 10`(value: JSON, level: Int64) {
        for version in RoomVersion.supported {
            let levels = PowerLevels(content: ["ban": value], create: nil, version: version)
            #expect(levels.ban == version.pick(v1: level, v10: 50))
        }
    }

    @Test(arguments: ["", " ", "+", "1.5", "1 0", "0x10", "ten", true, nil, [], [:]] as [JSON])
    func `what is no level counts as absent`(value: JSON) {
        for version in RoomVersion.supported {
            let levels = PowerLevels(
                content: ["kick": value, "users": ["@bob:b.example": value], "users_default": 5], create: nil,
                version: version)
            #expect(levels.kick == 50)
            #expect(levels.level(of: bob) == 5)
        }
    }

    @Test func `creators outrank everybody in version 12`() {
        let create = TestRoom(.v12).addCreate(["additional_creators": ["@bob:b.example"]])
        let levels = PowerLevels(
            content: ["users": ["@charlie:c.example": 9_007_199_254_740_991]], create: create, version: .v12)
        #expect(levels.level(of: alice) > levels.level(of: charlie))
        #expect(levels.level(of: bob) == levels.level(of: alice))
    }

    @Test func `the creator is named in the content up to version 10`() {
        let room = TestRoom(.v10)
        let levels = PowerLevels(content: nil, create: room.addCreate(["creator": "@bob:b.example"]), version: .v10)
        #expect(levels.level(of: bob) == 100)
        #expect(levels.level(of: alice) == 0)
    }
}
