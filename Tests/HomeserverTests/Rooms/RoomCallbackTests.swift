import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Homeserver

/// When modules are asked about what happens in rooms. Names end in the numbers of the acceptance list.
@Suite struct RoomCallbackTests {
    private let denial = SpamAnswer.deny(code: "M_TEST", fields: ["field": 1])

    // MARK: Spam checkers

    @Test func `who may set state is asked about in requests to set it alone, B14`() async throws {
        let asked = Notes()
        let checker = SpamChecker(userMaySendStateEvent: { user, _, key, content in
            asked.add("\(user) \(key.type) \(key.key) \(content["n"]?.integerValue ?? 0)")
            return key.type == "no" ? .deny() : .allow
        })
        try await withRoomServer(.sqlite, register: { $0.register(checker, of: "test") }) { server in
            let (alice, admin) = (server.user("alice"), try await server.registered("root", isAdmin: true))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: admin)
            _ = try await server.rooms.setState(StateKey("yes", "k"), content: ["n": 1], in: room, by: alice)
            let error = await refusal {
                try await server.rooms.setState(StateKey("no"), content: [:], in: room, by: alice)
            }
            #expect(error?.status == 403 && error?.message == "You are not permitted to send the state event")
            _ = try await server.rooms.setState(
                .member(alice.user), content: ["membership": "join", "displayname": "A"], in: room, by: alice)
            // Before anything else: also in a room that is not there.
            let nowhere = RoomID(trusted: "!no:example.org")
            _ = await refusal { try await server.rooms.setState(StateKey("no"), content: [:], in: nowhere, by: alice) }
            // Not about administrators, nor what modules send.
            _ = await refusal { try await server.rooms.setState(StateKey("no"), content: [:], in: room, by: admin) }
            _ = try await server.modules.send(
                ModuleAPI.NewEvent(type: "no", roomID: room, sender: alice.user, content: [:], stateKey: ""))
            #expect(
                asked.all == [
                    "@alice:example.org yes k 1", "@alice:example.org no  0",
                    "@alice:example.org m.room.member @alice:example.org 0", "@alice:example.org no  0",
                ])
        }
    }

    @Test func `who may give aliases is asked about, new rooms' too, B15`() async throws {
        let asked = Notes()
        let checker = SpamChecker(userMayCreateRoomAlias: { user, alias in
            asked.add("\(user) \(alias)")
            return alias.string.hasPrefix("#no") ? .deny(code: "M_TEST") : .allow
        })
        try await withRoomServer(.sqlite, register: { $0.register(checker, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice, ["room_alias_name": "yes1"])
            try await server.directory.create(RoomAlias(trusted: "#yes2:example.org"), for: room, by: alice)
            let error = await refusal {
                try await server.directory.create(RoomAlias(trusted: "#no1:example.org"), for: room, by: alice)
            }
            #expect(error?.status == 403 && error?.code == "M_TEST")
            #expect(error?.message == "This user is not permitted to create this alias")
            let second = await refusal { try await server.createRoom(by: alice, ["room_alias_name": "no2"]) }
            #expect(second?.code == "M_TEST")
            #expect(
                asked.all
                    == ["#yes1", "#yes2", "#no1", "#no2"].map { "@alice:example.org \($0):example.org" })
            #expect(try await server.modules.rooms(of: alice.user).count == 1)
        }
    }

    @Test func `who may publish a room is asked about either way, but not for new rooms, B15`() async throws {
        let asked = Notes()
        let checker = SpamChecker(userMayPublishRoom: { _, _ in
            asked.add("asked")
            return asked.all.count > 2 ? .deny() : .allow
        })
        try await withRoomServer(.sqlite, register: { $0.register(checker, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice, ["visibility": "public"])
            #expect(asked.all.isEmpty)
            try await server.directory.setPublished(false, room, by: alice)
            try await server.directory.setPublished(true, room, by: alice)
            let error = await refusal { try await server.directory.setPublished(false, room, by: alice) }
            #expect(error?.message == "This user is not permitted to publish rooms to the room list")
            #expect(asked.all.count == 3)
        }
    }

    @Test func `modules set limits for invites, G7`() async throws {
        var limits = RateLimitSettings.unlimited
        for action in [LimitedAction.invitesPerRoom, .invitesPerIssuer] {
            limits[action] = RateLimit(perSecond: 0.01, burst: 2)
        }
        let asked = Notes()
        let own = Mutexed<ModuleAPI.RateLimitOverride?>(nil)
        let callbacks = RateLimitCallbacks { user, limiter in
            asked.add("\(user) \(limiter)")
            return own.value
        }
        try await withRoomServer(.sqlite, limits: limits, register: { $0.register(callbacks, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            @Sendable func invite(_ name: String) async -> Int? {
                await refusal { try await server.change(.invite, server.user(name), in: room, by: alice) }?.status
            }
            #expect(await invite("b") == nil)
            #expect(
                asked.all == [
                    "@alice:example.org rc_invites.per_room", "@alice:example.org rc_invites.per_user",
                    "@alice:example.org rc_invites.per_issuer",
                ])
            #expect(await invite("c") == nil)
            #expect(await invite("d") == 429)
            own.update { $0 = .init(perSecond: 0.01, burstCount: 4) }
            #expect(await invite("d") == nil)
            #expect(await invite("e") == nil)
            #expect(await invite("f") == 429)
            own.update { $0 = .init(perSecond: 0, burstCount: 0) }
            #expect(await invite("f") == nil)
        }
    }

    // MARK: Third-party rules

    @Test func `the visibility of a new room and of a published one is put to modules, C12`() async throws {
        let asked = Notes()
        let rules = ThirdPartyRules(checkVisibilityCanBeModified: { room, state, visibility in
            asked.add("\(visibility) \(try await state.all().count)")
            return visibility == .public ? .deny : .allow
        })
        for version in ["11", "12"] {
            let before = asked.all.count
            try await withRoomServer(.sqlite, register: { $0.register(rules, of: "test") }) { server in
                let alice = server.user("alice")
                let new: JSONObject = ["room_version": .string(version), "visibility": "public"]
                let error = await refusal { try await server.createRoom(by: alice, new) }
                #expect(error?.status == 403 && error?.code == .unknown)
                #expect(error?.message == "Room visibility value not allowed.")
                let room = try await server.createRoom(by: alice, ["room_version": .string(version)])
                let second = await refusal { try await server.directory.setPublished(true, room, by: alice) }
                #expect(second?.status == 403 && second?.code == .unknown)
                #expect(second?.message == "Not allowed to publish room")
                try await server.directory.setPublished(false, room, by: alice)
            }
            let answers = asked.all.dropFirst(before)
            #expect(answers.count == 3)
            #expect(answers.prefix(2) == ["public 0", "private 0"])
            #expect(answers.last?.hasPrefix("public ") == true && answers.last != "public 0")
        }
    }

    @Test func `an invite by address is put to modules, C12`() async throws {
        let asked = Notes()
        let rules = ThirdPartyRules(checkThreepidCanBeInvited: { invitee, state in
            asked.add("\(invitee.medium) \(invitee.address) \(try await state[.create] != nil)")
            if invitee.address == "broken" { throw Broken() }
            return .deny
        })
        try await withRoomServer(.sqlite, register: { $0.register(rules, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            func error(_ address: String) async -> String? {
                await refusal { try await server.memberships.invite("email", address, to: room, by: alice) }?.message
            }
            #expect(await error("a@b.c") == "This third-party identifier can not be invited in this room")
            // A module that fails allows, and then there is no identity server to ask.
            #expect(await error("broken")?.contains("identity server") == true)
            #expect(asked.all == ["email a@b.c true", "email broken true"])
        }
    }

    @Test func `modules judge before authorization and spam checkers, by the state before, C1`() async throws {
        let asked = Notes()
        let rules = ThirdPartyRules(checkEventAllowed: { event, state in
            guard event.type == .message else { return .allow }
            let member = try await state[.member(event.sender)]
            asked.add("rules \(event.sender) \(member?.membership?.rawValue ?? "-")")
            return event.content["body"] == "no" ? .deny() : .allow
        })
        let checker = SpamChecker(checkEventForSpam: { event in
            if event.type == .message { asked.add("spam") }
            return .allow
        })
        try await withRoomServer(
            .sqlite,
            register: {
                $0.register(rules, of: "test")
                $0.register(checker, of: "test")
            }
        ) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.say("yes", in: room, by: alice)
            let denied = await refusal { try await server.say("no", in: room, by: alice) }
            #expect(denied?.status == 403 && denied?.message == "This event is not allowed in this context")
            let outsider = await refusal { try await server.say("yes", in: room, by: bob) }
            #expect(outsider?.status == 403)
            // Who is not in the room is refused without them.
            #expect(asked.all == ["rules @alice:example.org join", "spam", "rules @alice:example.org join"])
        }
    }

    @Test(arguments: Engine.available)
    func `a replacement takes the event's place, C4`(engine: Engine) async throws {
        let rules = ThirdPartyRules(checkEventAllowed: { event, _ in
            guard event.type == .message else { return .allow }
            var object = event.object
            object["content"] = ["msgtype": "m.text", "body": "y"]
            return .replace(object)
        })
        try await withRoomServer(engine, register: { $0.register(rules, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let event = try await server.say("hello", in: room, by: alice, transaction: "t")
            #expect(try await server.modules.event(event)?.content["body"] == "y")
            #expect(try await server.say("hello", in: room, by: alice, transaction: "t") == event)
        }
    }

    @Test func `a replacement that is no valid event is the module's fault, C5`() async throws {
        let edit = Mutexed<(key: String, value: JSON)>(("type", "other"))
        let rules = ThirdPartyRules(checkEventAllowed: { event, _ in
            guard event.type == .message || event.type == .topic else { return .allow }
            var object = event.object
            object[edit.value.key] = edit.value.value
            return .replace(object)
        })
        try await withRoomServer(.sqlite, register: { $0.register(rules, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let big = JSON.object(["msgtype": "m.text", "body": .string(String(repeating: "x", count: 70_000))])
            let edits: [(String, JSON)] = [
                ("type", "other"), ("room_id", "!other:example.org"), ("state_key", "new"),
                ("sender", "@a:remote.example"), ("content", "text"), ("content", ["x": "y"]),
            ]
            for (key, value) in edits {
                edit.update { $0 = (key, value) }
                let error = await refusal { try await server.say("hello", in: room, by: alice) }
                #expect(error?.status == 500, "\(key)")
                // What makes it another event is for the log alone.
                let isTold = error?.message.hasPrefix("Third party rules module created an invalid event: ")
                #expect(isTold == (key == "content"), "\(key)")
            }
            // These are told as they are to users who send them.
            edit.update { $0 = ("content", big) }
            #expect(await refusal { try await server.say("hello", in: room, by: alice) }?.status == 413)
            edit.update {
                $0 = ("content", ["msgtype": "m.text", "body": "x", "n": 9_007_199_254_740_993])
            }
            let error = await refusal { try await server.say("hello", in: room, by: alice) }
            #expect(error == .badJSON("JSON integer out of range"))
        }
    }

    @Test(arguments: Engine.available)
    func `state that a module sets while it judges other state stays, C8`(engine: Engine) async throws {
        let host = Mutex<RoomsForModules?>(nil)
        let count = Notes()
        let rules = ThirdPartyRules(checkEventAllowed: { event, _ in
            guard event.type == .powerLevels, let rooms = host.withLock({ $0 }) else { return .allow }
            count.add("x")
            _ = try await rooms.send(
                ModuleAPI.NewEvent(
                    type: "io.test.power", roomID: event.roomID, sender: event.sender,
                    content: ["n": .integer(Int64(count.all.count))], stateKey: ""))
            return .allow
        })
        try await withRoomServer(engine, register: { $0.register(rules, of: "test") }) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice, ["room_version": "11"])
            host.withLock { $0 = server.modules }
            for number in 1...5 {
                let levels = try #require(try await server.modules.state(of: room)[.powerLevels, ""]).content
                var changed = levels
                changed["notifications"] = ["room": .integer(Int64(number))]
                try await server.set(.powerLevels, changed, in: room, by: alice)
                let state = try await server.modules.state(of: room)
                #expect(try await state["io.test.power", ""]?.content["n"] == .integer(Int64(number)))
                #expect(try await state[.powerLevels, ""]?.content == changed)
            }
        }
    }

    @Test func `every kind of event a server makes is put to the rules, C9`() async throws {
        let asked = Notes()
        let rules = ThirdPartyRules(checkEventAllowed: { event, _ in
            asked.add("\(event.type)\(event.membership.map { " \($0.rawValue)" } ?? "")")
            return event.content["name"] == "no" ? .deny() : .allow
        })
        try await withRoomServer(.sqlite, register: { $0.register(rules, of: "test") }) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            #expect(asked.all.first == "m.room.create")
            let before = asked.all.count
            try await server.change(.invite, bob, in: room, by: alice)
            try await server.join(room, by: bob)
            try await server.change(.leave, bob, in: room, by: bob)
            let kinds = ["invite", "join", "leave"].map { "m.room.member \($0)" }
            #expect(Array(asked.all.dropFirst(before)) == kinds)
            let error = await refusal { try await server.createRoom(by: alice, ["creation_content": ["name": "no"]]) }
            #expect(error?.status == 403 && error?.code == .forbidden)
        }
    }
}
