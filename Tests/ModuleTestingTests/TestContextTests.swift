import KeywordFilter
import MatrixCore
import ModuleAPI
import ModuleTesting
import Testing

/// What an author of modules may rely on in tests.
struct TestContextTests {
    private let context = TestContext()

    // MARK: Callbacks

    @Test func `a module is made and asked without a server`() async throws {
        let configuration = try KeywordFilter.parseConfiguration(["words": ["casino"]])
        _ = KeywordFilter(configuration: configuration, context: context)
        #expect(try await context.checkEventForSpam(.message("casino")) == .deny())
        #expect(try await context.checkEventForSpam(.message("hello")) == .allow)
        #expect(context.server.log == [.init(.info, "Refusing messages with any of 1 words")])
    }

    @Test func `a callback that was not registered shows`() async {
        await #expect(throws: TestError.notRegistered("user_may_invite")) {
            try await context.userMayInvite(.alice, .bob)
        }
    }

    @Test func `answers combine as they do in the server`() async throws {
        context.register(SpamChecker(userMayInvite: { _, _, _ in .allow }))
        context.register(SpamChecker(userMayInvite: { _, _, _ in .deny(code: "M_FIRST") }))
        context.register(SpamChecker(userMayInvite: { _, _, _ in .deny(code: "M_SECOND") }))
        #expect(try await context.userMayInvite(.alice, .bob) == .deny(code: "M_FIRST"))
    }

    @Test func `what a callback throws comes through`() async {
        context.register(ThirdPartyRules(onCreateRoom: { _, _, _ in throw MatrixError.forbidden("no") }))
        await #expect(throws: MatrixError.forbidden("no")) { try await context.onCreateRoom([:]) }
    }

    @Test func `check_event_allowed sees the state of the fake room`() async throws {
        context.register(
            ThirdPartyRules(checkEventAllowed: { _, state in try await state[.topic, ""] == nil ? .allow : .deny() }))
        #expect(try await context.checkEventAllowed(.message("hi")) == .allow)
        context.server.rooms.add(.state(.topic, ["topic": "Tea"]))
        #expect(try await context.checkEventAllowed(.message("hi")) == .deny())
    }

    @Test func `a login calls the checker and then what it wants called`() async throws {
        let checker = AuthChecker(loginType: "org.example.pin", fields: ["pin"]) { [context] username, _, fields in
            guard fields.string("pin") == "1234", let user = context.qualifiedUserID(username) else { return .unknown }
            return .user(user) { $0["well_known"] = [:] }
        }
        context.register(PasswordAuthProvider(authCheckers: [checker]))
        let login = try #require(try await context.logIn("alice", type: "org.example.pin", ["pin": "1234"]))
        #expect(login.user == .alice)
        #expect(login.response["well_known"] == [:])
        #expect(try await context.logIn("alice", type: "org.example.pin", ["pin": "0"]) == nil)
    }

    @Test func `a file is read in pieces`() async throws {
        context.register(
            SpamChecker(checkMediaFileForSpam: { file, info in
                var whole: [UInt8] = []
                try await file.forEachChunk(of: 4) { whole += $0 }
                return whole == Array("evil bytes".utf8) && info.fileID == "file" ? .deny() : .allow
            }))
        #expect(try await context.checkMediaFileForSpam(Array("evil bytes".utf8)) == .deny())
        #expect(try await context.checkMediaFileForSpam(Array("fine bytes".utf8)) == .allow)
    }

    @Test func `a web resource is asked for its path and what lies below`() async throws {
        context.register(
            WebResource("/_synapse/client/demo") { request in .json(["hello": .string(request.query("name") ?? "")]) })
        let response = try await context.send(WebRequest(uri: "/_synapse/client/demo/x?name=Bob"))
        #expect(try await response.json() == ["hello": "Bob"])
        await #expect(throws: TestError.notRegistered("/_synapse/client/demonstration")) {
            try await context.send(WebRequest(uri: "/_synapse/client/demonstration"))
        }
    }

    // MARK: The server's fakes

    @Test func `what a module sends is recorded and becomes state`() async throws {
        let event = NewEvent(type: .topic, roomID: .testRoom, sender: .alice, content: ["topic": "Tea"], stateKey: "")
        let first = try await context.rooms.send(event)
        let second = try await context.rooms.send(event)
        #expect(first === second)
        #expect(context.server.rooms.sent.count == 2)
        #expect(try await context.rooms.state(of: .testRoom)[.topic, ""] === first)
        #expect(try await context.rooms.event(first.eventID) === first)
    }

    @Test func `memberships have a path of their own`() async throws {
        await #expect(throws: MatrixError.self) {
            try await context.rooms.send(
                NewEvent(type: .member, roomID: .testRoom, sender: .alice, content: [:], stateKey: "@alice:test"))
        }
        _ = try await context.rooms.changeMembership(MembershipChange(.join, of: .alice, in: .testRoom, by: .alice))
        #expect(try await context.rooms.users(in: .testRoom) == [.alice])
        #expect(try await context.rooms.rooms(of: .alice) == [.testRoom])
    }

    @Test func `a room is made with its state and alias`() async throws {
        let request: JSONObject = [
            "room_alias_name": "tea", "initial_state": [["type": "m.room.topic", "content": ["topic": "Tea"]]],
        ]
        let made = try await context.rooms.create(request, by: .alice, isRateLimited: true, joinProfile: nil)
        #expect(made.alias?.string == "#tea:test")
        #expect(try await context.rooms.lookUp(RoomAlias(trusted: "#tea:test")).room == made.room)
        #expect(try await context.rooms.state(of: made.room)[.topic, ""]?.content == ["topic": "Tea"])
        #expect(context.server.rooms.requests == [request])
    }

    @Test func `a refusal reaches the module`() async {
        context.server.rooms.refuse { _ in .forbidden("not in the room") }
        await #expect(throws: MatrixError.forbidden("not in the room")) {
            try await context.rooms.send(
                NewEvent(type: .message, roomID: .testRoom, sender: .alice, content: ["body": "hi"]))
        }
    }

    @Test func `users are registered, log in and are found`() async throws {
        let user = try await context.users.register(NewUser(localpart: "carol", emails: ["c@example.org"]))
        let login = try await context.users.registerDevice(of: user, device: nil, displayName: nil)
        let requester = try await context.users.requester(
            forToken: login.accessToken, allowGuest: false, allowExpired: false, address: nil, userAgent: nil)
        #expect(requester.user == user)
        #expect(context.server.users[user]?.profile.displayName == "carol")
        #expect(try await context.users.threepids(of: user).map(\.address) == ["c@example.org"])
        #expect(try await context.users.existing(UserID(trusted: "@CAROL:test")) == user)
        await #expect(throws: MatrixError(status: 400, code: .userInUse, message: "User ID already taken.")) {
            try await context.users.checkUsername("carol")
        }
    }

    @Test func `an external ID stands for one user`() async throws {
        let id = ExternalID(provider: "oidc", id: "7")
        for name in ["carol", "dave"] { _ = try await context.users.register(NewUser(localpart: name)) }
        try await context.users.record(id, for: UserID(trusted: "@carol:test"))
        await #expect(throws: ModuleError.externalIDInUse) {
            try await context.users.record(id, for: UserID(trusted: "@dave:test"))
        }
    }

    @Test func `account data of other servers' users is refused`() async throws {
        try await context.accountData.setGlobal("org.example", to: ["a": 1], of: .alice)
        #expect(try await context.accountData.global("org.example", of: .alice) == ["a": 1])
        await #expect(throws: ModuleError.notLocal("@eve:elsewhere")) {
            try await context.accountData.global("org.example", of: UserID(trusted: "@eve:elsewhere"))
        }
    }

    @Test func `statements are recorded and queries answered`() async throws {
        context.server.database.answer { $0.values == ["alice"] ? [ModuleRow([.integer(3)])] : [] }
        let count = try await context.database.write { transaction in
            try transaction.execute("INSERT INTO tea_cups VALUES ($1)", "alice")
            return try transaction.first("SELECT n FROM tea_cups WHERE name = $1", "alice")?.integer(0)
        }
        #expect(count == 3)
        #expect(context.server.database.statements.map(\.values) == [["alice"], ["alice"]])
    }

    @Test func `requests to other servers are answered as the test says`() async throws {
        context.server.http.answer { _ in HTTPResponse(status: 200, body: Array(#"{"ok":true}"#.utf8)) }
        #expect(try await context.http.getJSON("https://example.org/check") == ["ok": true])
        #expect(context.server.http.requests.map(\.url) == ["https://example.org/check"])
    }

    // MARK: Time

    @Test func `time passes when the test says so`() async {
        let calls = Calls()
        let loop = context.background.loop(every: .seconds(10), named: "loop") { calls.add("loop") }
        context.background.call(after: .seconds(15), named: "once") { calls.add("once") }
        context.background.run(named: "now") { calls.add("now") }
        await context.server.background.advance(by: .zero)
        #expect(calls.all == ["now"])
        await context.server.background.advance(by: .seconds(20))
        #expect(calls.all == ["now", "loop", "once", "loop"])
        loop.cancel()
        await context.server.background.advance(by: .seconds(60))
        #expect(calls.all.count == 4)
        #expect(context.server.background.pending.isEmpty)
    }

    @Test func `a loop that fails goes on, and the log says so`() async {
        context.background.loop(every: .seconds(1), named: "loop") { throw MatrixError.internalError }
        await context.server.background.advance(by: .seconds(2))
        #expect(context.server.log.count == 2)
        #expect(context.server.log.first?.message.hasPrefix("Background call 'loop' failed:") == true)
    }
}
