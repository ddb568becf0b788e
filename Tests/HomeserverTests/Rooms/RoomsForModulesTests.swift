import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

@testable import Homeserver

@Suite struct RoomsForModulesTests {
    // MARK: State

    @Test(arguments: Engine.available)
    func `a room's state is given whole, by filter, and by what changed, E8`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            _ = try await server.rooms.setState(
                StateKey("org.example.a", "x"), content: ["n": 1], in: room, by: alice)
            let map = try await server.modules.state(of: room)
            let all = try await map.all()
            let custom = try #require(all[StateKey("org.example.a", "x")])
            #expect(custom.sender == alice.user && custom.stateKey == "x" && custom.content == ["n": 1])
            #expect(all[.create] != nil && all[.member(bob.user)] != nil)

            let some = try await server.modules.state(
                of: room, matching: [.init(.member), .init("org.example.a", "x"), .init("org.example.a", "y")])
            #expect(Set(some.keys) == [.member(alice.user), .member(bob.user), StateKey("org.example.a", "x")])
            #expect(try await server.modules.state(of: room, matching: [.init("a\u{0}b")]).isEmpty)
            #expect(try await server.modules.state(of: room, matching: []).count == all.count)
            let nowhere = RoomID(trusted: "!nowhere:example.org")
            #expect(try await server.modules.state(of: nowhere).all().isEmpty)
            #expect(try await server.modules.state(of: nowhere, matching: [.init(.member)]).isEmpty)

            try await server.set(.topic, ["topic": "t"], in: room, by: alice)
            let later = try await server.modules.state(of: room)
            let version = try #require(map.version)
            let changes = try #require(try await later.changes(since: version))
            #expect(changes.mapValues { $0?.content } == [StateKey(.topic): ["topic": "t"]])
            let laterVersion = try #require(later.version)
            let back = try #require(try await map.changes(since: laterVersion))
            #expect(back.count == 1 && back[StateKey(.topic)] == .some(nil))
            let fromNothing = try await later.changes(since: StateVersion(room: version.room, root: 0))
            #expect(fromNothing?.count == all.count + 1)
            // A version that is not there (any more) cannot be compared with.
            #expect(try await later.changes(since: StateVersion(room: version.room, root: 1 << 40)) == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `state that was redacted is shown without its content`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let topic = try await server.set(.topic, ["topic": "secret"], in: room, by: alice)
            #expect(try await server.modules.state(of: room)[.topic, ""]?.content["topic"] == "secret")
            _ = try await server.rooms.redact(topic, content: [:], in: room, by: alice)
            #expect(try await server.modules.state(of: room)[.topic, ""]?.content == [:])
            #expect(try await server.modules.state(of: room).all()[StateKey(.topic)]?.content == [:])
            #expect(try await server.modules.event(topic)?.content == [:])
        }
    }

    // MARK: Sending

    @Test(arguments: Engine.available)
    func `a module sends as a user, past rate limits, E5`(engine: Engine) async throws {
        var limits = RateLimitSettings.unlimited
        limits[.message] = RateLimit(perSecond: 0.01, burst: 1)
        try await withRoomServer(engine, limits: limits) { server in
            let alice = try await server.registered("alice")
            let room = try await server.createRoom(by: alice)
            func send(_ type: EventType, key: String? = nil, _ content: JSONObject) async throws -> Event {
                try await server.modules.send(
                    ModuleAPI.NewEvent(
                        type: type, roomID: room, sender: alice.user, content: content, stateKey: key))
            }
            for number in 0..<3 {
                let content: JSONObject = ["msgtype": "m.text", "body": .string("\(number)")]
                let event = try await send(.message, content)
                #expect(event.stateKey == nil)
                #expect(event.content == content)
            }
            let topic = try await send(.topic, key: "", ["topic": "t"])
            #expect(topic.stateKey == "")
            #expect(try await send(.topic, key: "", ["topic": "t"]).eventID == topic.eventID)
            let error = await refusal { try await send(.member, key: alice.user.string, ["membership": "leave"]) }
            #expect(error?.status == 500)
            #expect(error?.message == "Tried to send member event through non-member codepath")
            let alias = await refusal { try await send(.canonicalAlias, key: "", ["alias": "#no:example.org"]) }
            #expect(alias?.code == .badAlias)
        }
    }

    @Test func `a module sends only for users of this server who are in the room`() async throws {
        try await withRoomServer(.sqlite) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            func error(_ sender: UserID, in room: RoomID) async -> Int? {
                await refusal {
                    try await server.modules.send(
                        ModuleAPI.NewEvent(
                            type: .message, roomID: room, sender: sender, content: ["msgtype": "m.text", "body": "x"]))
                }?.status
            }
            #expect(await error(bob.user, in: room) == 403)
            #expect(await error(alice.user, in: RoomID(trusted: "!no:example.org")) == 403)
            #expect(await error(UserID(trusted: "@a:remote.example"), in: room) == 500)
        }
    }

    // MARK: Memberships

    @Test(arguments: Engine.available)
    func `memberships change with the target's profile, E7`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = try await server.registered(
                "alice", profile: Storage.UserProfile(displayName: "A", avatarURL: "mxc://a/a"))
            let bob = try await server.registered(
                "bob", profile: Storage.UserProfile(displayName: "B", avatarURL: "mxc://b/b"))
            let room = try await server.createRoom(by: alice)
            func change(
                _ action: MembershipChange.Action, _ target: UserID, by sender: UserID, _ content: JSONObject = [:]
            ) async throws -> JSONObject {
                let event = try await server.modules.changeMembership(
                    MembershipChange(action, of: target, in: room, by: sender, content: content))
                #expect(event.stateKey == target.string)
                return event.content
            }
            let invite = try await change(.invite, bob.user, by: alice.user)
            #expect(invite == ["membership": "invite", "displayname": "B", "avatar_url": "mxc://b/b"])
            let join = try await change(.join, bob.user, by: bob.user, ["displayname": "Other"])
            #expect(join == ["membership": "join", "displayname": "Other", "avatar_url": "mxc://b/b"])
            let kick = try await change(.leave, bob.user, by: alice.user, ["reason": "because"])
            #expect(kick["membership"] == "leave" && kick["reason"] == "because" && kick["displayname"] == "B")
            #expect(try await change(.ban, bob.user, by: alice.user)["membership"] == "ban")
            #expect(try await change(.unban, bob.user, by: alice.user)["membership"] == "leave")
            // Somebody without a profile goes by their localpart.
            let nobody = try await change(.invite, UserID(trusted: "@nobody:example.org"), by: alice.user)
            #expect(nobody == ["membership": "invite", "displayname": "nobody", "avatar_url": .null])
            // What a profile lacks is left out.
            let plain = try await server.registered("plain", profile: Storage.UserProfile(displayName: "P"))
            let named = try await change(.invite, plain.user, by: alice.user)
            #expect(named == ["membership": "invite", "displayname": "P"])

            let remote = MembershipChange(.join, of: bob.user, in: room, by: UserID(trusted: "@r:remote.example"))
            await #expect(throws: ModuleError.self) { try await server.modules.changeMembership(remote) }
            let error = await refusal { try await change(.unban, UserID(trusted: "@c:example.org"), by: alice.user) }
            #expect(error?.status == 404)
        }
    }

    @Test func `callbacks and limits count for modules' changes of memberships, shadow bans too`() async throws {
        var limits = RateLimitSettings.unlimited
        limits[.invitesPerIssuer] = RateLimit(perSecond: 0.01, burst: 1)
        let asked = Notes()
        let checker = SpamChecker(userMayInvite: { inviter, invitee, _ in
            asked.add("\(inviter) \(invitee)")
            return .allow
        })
        try await withRoomServer(.sqlite, limits: limits, register: { $0.register(checker, of: "test") }) { server in
            let alice = try await server.registered("alice")
            let mallory = try await server.registered("mallory", isShadowBanned: true)
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: mallory)
            let (one, two) = (UserID(trusted: "@one:example.org"), UserID(trusted: "@two:example.org"))
            _ = try await server.modules.changeMembership(.init(.invite, of: one, in: room, by: alice.user))
            #expect(asked.all == ["@alice:example.org @one:example.org"])
            let error = await refusal {
                try await server.modules.changeMembership(.init(.invite, of: two, in: room, by: alice.user))
            }
            #expect(error?.status == 429)
            await #expect(throws: ModuleError.shadowBanned) {
                try await server.modules.changeMembership(.init(.invite, of: two, in: room, by: mallory.user))
            }
        }
    }

    // MARK: Rooms

    @Test(arguments: Engine.available)
    func `a module makes a room and finds it, E11`(engine: Engine) async throws {
        var limits = RateLimitSettings.unlimited
        limits[.roomCreation] = RateLimit(perSecond: 0.01, burst: 1)
        try await withRoomServer(engine, limits: limits) { server in
            let alice = try await server.registered("alice", profile: Storage.UserProfile(displayName: "A"))
            let made = try await server.modules.create(
                ["room_alias_name": "den", "preset": "public_chat"], by: alice.user, isRateLimited: true,
                joinProfile: ["displayname": "Owner"])
            let alias = try #require(made.alias)
            #expect(alias.string == "#den:example.org")
            let found = try await server.modules.lookUp(alias)
            #expect(found.room == made.room && found.servers == [RoomServer.name])
            let member = try await server.modules.state(of: made.room)[.member(alice.user)]
            #expect(member?.content == ["displayname": "Owner", "membership": "join"])
            let limited = await refusal {
                try await server.modules.create([:], by: alice.user, isRateLimited: true, joinProfile: nil)
            }
            #expect(limited?.status == 429)
            let plain = try await server.modules.create([:], by: alice.user, isRateLimited: false, joinProfile: nil)
            #expect(plain.alias == nil)
            await #expect(throws: ModuleError.self) {
                try await server.modules.create(
                    [:], by: UserID(trusted: "@r:remote.example"), isRateLimited: false, joinProfile: nil)
            }
            let unknown = await refusal { try await server.modules.lookUp(RoomAlias(trusted: "#no:example.org")) }
            #expect(unknown?.status == 404)

            #expect(Set(try await server.modules.rooms(of: alice.user)) == [made.room, plain.room])
            #expect(try await server.modules.users(in: made.room) == [alice.user])
            #expect(try await server.modules.users(in: RoomID(trusted: "!no:example.org")).isEmpty)
            #expect(try await server.modules.version(of: made.room) == .standard)
            #expect(try await server.modules.version(of: RoomID(trusted: "!no:example.org")) == nil)
            #expect(try await server.modules.event(EventID(trusted: "$no")) == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `a module puts rooms on the public list and takes them off, E6`(engine: Engine) async throws {
        let checker = SpamChecker(userMayPublishRoom: { _, _ in .deny() })
        try await withRoomServer(engine, register: { $0.register(checker, of: "test") }) { server in
            let room = try await server.createRoom(by: server.user("alice"))
            let list = PublishedRoomsForModules(directory: server.directory)
            #expect(try await !list.contains(room))
            try await list.add(room)
            #expect(try await list.contains(room))
            try await list.remove(room)
            #expect(try await !list.contains(room))
            let nowhere = RoomID(trusted: "!no:example.org")
            #expect(try await !list.contains(nowhere))
            #expect(await refusal { try await list.add(nowhere) }?.status == 404)
            #expect(await refusal { try await list.remove(nowhere) }?.status == 404)
        }
    }
}
