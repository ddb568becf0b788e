import MatrixCore
import ModuleAPI
import Synchronization
import Testing

@testable import PythonHost

/// Calls in both directions, with a real process.
@Suite struct ModuleCallTests {
    private static func asking(_ method: String, _ parameters: JSONObject) -> JSONObject {
        FakeHost.module(FakeHost.unsigned, do: ["call": [.string(method), .object(parameters)]])
    }

    /// What the host is answered when it calls a method.
    private func answer(_ method: String, _ parameters: JSONObject) async throws -> (kind: FrameKind?, value: JSON) {
        var found: (FrameKind?, JSON) = (nil, .null)
        try await FakeHost().run([Self.asking(method, parameters)], isSupervised: false) { fake async throws in
            let fields = try await fake.fields()
            found = (FrameKind(rawValue: UInt8(clamping: fields.integer("kind") ?? 0)), fields["value"] ?? .null)
        }
        return found
    }

    @Test func `what a module answers reaches the server`() async throws {
        let deny: JSONObject = [
            "answer": ["deny": ["errcode": "ORG.SPAM", "error": "Go away", "fields": ["more": 1]]]
        ]
        try await FakeHost().run([FakeHost.module("check_event_for_spam", do: deny)]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            #expect(try await check(event("$e")) == .deny(code: "ORG.SPAM", message: "Go away", fields: ["more": 1]))
        }
        try await FakeHost().run([FakeHost.module("user_may_invite", do: ["answer": "allow"])]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.userMayInvite)
            let (user, room) = (UserID(trusted: "@a:b.example"), RoomID(trusted: "!r:b.example"))
            #expect(try await check(user, user, room) == .allow)
        }
    }

    @Test func `an event reaches the module as it is stored, encoded once`() async throws {
        try await FakeHost().run([FakeHost.module(FakeHost.unsigned, do: ["arguments": true])]) { fake async throws in
            let callback = try #require(fake.context.registered.unsigned.first?.addFieldToUnsigned)
            let sent = event("$e", content: ["body": "caf\u{e9} \"quoted\" \u{0}"])
            let argument = try #require(try await callback(sent).array("args")?.first?.objectValue)
            #expect(argument.object("pdu") == sent.object)
            #expect(argument.string("event_id") == "$e")
            #expect(argument.string("room_version") == "11")
            #expect(argument["rejected_reason"] == .null)
        }
    }

    @Test func `an error of a module reaches the client as the module made it`() async throws {
        let failure: JSONObject = [
            "fail": [
                "kind": "matrix", "status": 418,
                "body": ["errcode": "M_TEAPOT", "error": "Short and stout", "extra": [1]],
                "headers": [["Retry-After", "3"]],
            ]
        ]
        try await FakeHost().run([FakeHost.module(FakeHost.unsigned, do: failure)]) { fake async throws in
            let error = await #expect(throws: MatrixError.self) { try await fake.fields() }
            #expect(error?.status == 418)
            #expect(error?.body == ["errcode": "M_TEAPOT", "error": "Short and stout", "extra": [1]])
            #expect(error?.headers == [MatrixError.HeaderField("Retry-After", "3")])
        }
        let own: JSONObject = ["fail": ["kind": "matrix", "status": 403, "body": ["reason": "mine"], "headers": []]]
        try await FakeHost().run([FakeHost.module(FakeHost.unsigned, do: own)]) { fake async throws in
            let error = await #expect(throws: MatrixError.self) { try await fake.fields() }
            #expect(error?.body == ["reason": "mine"])
        }
    }

    @Test func `an exception is told with its traceback`() async throws {
        let failure: JSONObject = [
            "fail": ["kind": "exception", "type": "KeyError", "message": "'x'", "traceback": "Traceback: KeyError"]
        ]
        try await FakeHost().run([FakeHost.module(FakeHost.unsigned, do: failure)]) { fake async throws in
            let error = await #expect(throws: PythonException.self) { try await fake.fields() }
            #expect(error?.type == "KeyError")
            #expect(error.map(String.init(describing:)) == "Traceback: KeyError")
        }
    }

    @Test func `state reaches the module by differences`() async throws {
        let module = FakeHost.module("check_event_allowed", do: ["state_size": true])
        try await FakeHost(mirroredEntries: 10).run([module]) { fake async throws in
            func state(_ room: Int64, _ root: Int64, _ members: [String], since: [StateKey: Event?] = [:]) -> StateMap {
                let all = Dictionary(
                    uniqueKeysWithValues: members.map {
                        (StateKey(.member, $0), event("$\($0)", type: .member, stateKey: $0))
                    })
                return StateMap(
                    load: { all[$0] }, loadAll: { all }, version: StateVersion(room: room, root: root),
                    changes: { _ in since })
            }
            let b = event("$b2", type: .member, stateKey: "b")
            #expect(try await fake.check(state(1, 1, ["a", "b"]))["keys"] == ["a", "b"])
            let change: [StateKey: Event?] = [StateKey(.member, "a"): nil, StateKey(.member, "c"): b]
            #expect(try await fake.check(state(1, 2, [], since: change))["keys"] == ["b", "c"])
            #expect(try await fake.check(state(1, 2, []))["keys"] == ["b", "c"])
            // Room 1 is forgotten for it.
            #expect(try await fake.check(state(2, 9, (0..<9).map { "m\($0)" }))["size"] == 9)
            #expect(try await fake.check(state(1, 2, ["b", "c"]))["keys"] == ["b", "c"])
            #expect(try await fake.check(StateMap())["size"] == 0)
        }
    }

    @Test func `a module's edits of a new room count`() async throws {
        let module = FakeHost.module("on_create_room", do: ["answer": ["request": ["name": "Edited"]]])
        try await FakeHost().run([module]) { fake async throws in
            let callback = try #require(fake.context.registered.rules.first?.onCreateRoom)
            var request: JSONObject = ["name": "Given"]
            let requester = Requester(user: UserID(trusted: "@a:b.example"), device: nil, accountNumber: 1)
            try await callback(requester, &request, false)
            #expect(request == ["name": "Edited"])
        }
    }

    @Test func `an auth checker knows its user, and its callback sees the login`() async throws {
        let module: JSONObject = [
            "callbacks": ["auth_checkers", FakeHost.unsigned.json],
            "do": [
                "auth_checkers": ["answer": ["user_id": "@a:b.example", "callback": 2]],
                FakeHost.unsigned: ["answer": ["device_id": "CHANGED"]],
            ],
            "extra": ["auth_checkers": ["login_type": "my.login", "fields": ["secret"]]],
        ]
        try await FakeHost().run([module]) { fake async throws in
            let checker = try #require(fake.context.registered.auth.first?.authCheckers.first)
            #expect(checker.loginType == "my.login")
            #expect(checker.fields == ["secret"])
            guard case .user(let user, let onLogin) = try await checker.check("a", "my.login", ["secret": "x"]) else {
                Issue.record("the user was not recognized")
                return
            }
            #expect(user == UserID(trusted: "@a:b.example"))
            var response: JSONObject = ["device_id": "D"]
            try await onLogin?(&response)
            #expect(response == ["device_id": "CHANGED"])
        }
    }

    @Test func `what comes in several notes is registered as one`() async throws {
        let module = FakeHost.module("get_interested_users", "get_users_for_states", do: ["answer": "ALL"])
        try await FakeHost().run([module]) { fake async throws in
            let router = try #require(fake.context.registered.presence.first)
            #expect(fake.context.registered.presence.count == 1)
            #expect(try await router.getInterestedUsers(UserID(trusted: "@a:b.example")) == .all)
        }
    }

    @Test func `a callback the server does not know stops the module`() async throws {
        let fake = FakeHost()
        _ = try await fake.host.configure([FakeHost.entry(0, ["callbacks": ["check_the_moon"]])])
        await #expect(throws: PythonException.self) { try await fake.host.construct(0, context: fake.context) }
        await fake.host.stop()
    }

    @Test func `what the server has against a registration stops the module`() async throws {
        let fake = FakeHost()
        let module: JSONObject = [
            "callbacks": ["auth_checkers"], "extra": ["auth_checkers": ["login_type": "taken", "fields": []]],
        ]
        _ = try await fake.host.configure([FakeHost.entry(0, module)])
        await #expect(throws: ModuleError.self) { try await fake.host.construct(0, context: fake.context) }
        await fake.host.stop()
    }

    @Test func `a module asks the server from its initializer and from callbacks`() async throws {
        let construct: JSONObject = [
            "construct": ["call": ["get_profile", ["user_id": "@a:b.example"]]]
        ]
        let fake = FakeHost()
        _ = try await fake.host.configure([FakeHost.entry(0, construct)])
        _ = try await fake.host.construct(0, context: fake.context)
        await fake.host.stop()

        let info = try await answer("get_userinfo_by_id", ["user_id": "@a:b.example"])
        #expect(info.kind == .reply)
        #expect(info.value["creation_ts"] == 5)
        #expect(try await answer("get_userinfo_by_id", ["user_id": "nonsense"]).value == .null)
        #expect(try await answer("get_external_ids", ["user_id": "@a:b.example"]).value == [["p", "1"]])
    }

    @Test func `a state that was asked for is a state of the mirror`() async throws {
        let module = Self.asking("get_room_state", ["room_id": "!r:b.example", "filter": .null])
        let fake = FakeHost()
        let all = [StateKey(.name): event("$n", type: .name, stateKey: "")]
        fake.context.facets.roomState.withLock {
            $0 = StateMap(load: { all[$0] }, loadAll: { all }, version: StateVersion(room: 4, root: 1))
        }
        try await fake.run([module]) { fake async throws in
            #expect(try await fake.fields()["value"] == ["size": 1])
            #expect(try await fake.fields()["value"] == ["size": 1])
        }
    }

    @Test func `errors of the server reach the module as the exceptions it knows`() async throws {
        let taken = try await answer("check_username", ["localpart": "a"])
        #expect(taken.kind == .failure)
        #expect(taken.value["kind"] == "matrix")
        #expect(taken.value["status"] == 400)
        #expect(taken.value["body"] == ["errcode": "M_USER_IN_USE", "error": "User ID already taken."])
        let token = try await answer("get_requester", ["access_token": "wrong"])
        #expect(token.value["body"]?["soft_logout"] == false)
        let reused = try await answer(
            "record_user_external_id",
            ["user_id": "@a:b.example", "auth_provider_id": "p", "remote_user_id": "1"])
        #expect(reused.value["type"] == "ExternalIDReuseException")
        let remote = try await answer(
            "update_room_membership",
            ["sender": "@x:y", "target": "@x:y", "room_id": "!r:b.example", "new_membership": "join"])
        #expect(remote.value["type"] == "RuntimeError")
        let data = try await answer(
            "put_account_data", ["user_id": "@a:b.example", "type": "t", "content": [:]])
        #expect(data.value["type"] == "ValueError")
        let wrong = try await answer("set_user_admin", ["user_id": "@a:b.example", "admin": "yes"])
        #expect(wrong.value["type"] == "TypeError")
        #expect(wrong.value["message"] == "admin must be a bool")
        let malformed = try await answer("set_user_admin", ["user_id": "nonsense", "admin": true])
        #expect(malformed.value["body"]?["errcode"] == "M_INVALID_PARAM")
        for method in ["set_presence_for_users", "no_such_method"] {
            #expect(try await answer(method, [:]).value["type"] == "NotImplementedError")
        }
    }

    @Test func `calls nest: a callback's call causes another callback of the same process`() async throws {
        let module: JSONObject = [
            "callbacks": [FakeHost.unsigned.json, "check_event_for_spam"],
            "do": [
                FakeHost.unsigned: [
                    "call": [
                        "create_and_send_event_into_room",
                        [
                            "event": [
                                "type": "m.room.message", "room_id": "!r:b.example", "sender": "@a:b.example",
                                "content": [:],
                            ]
                        ],
                    ]
                ],
                "check_event_for_spam": ["answer": "allow"],
            ],
        ]
        let fake = FakeHost()
        try await fake.run([module]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            let depth = Mutex(0)
            fake.context.facets.onSend.withLock { onSend in
                onSend = { new async throws in
                    let made = event("$made", type: new.type)
                    #expect(try await check(made) == .allow)
                    if depth.withLock({
                        $0 += 1
                        return $0
                    }) < 20 {
                        #expect(try await fake.fields()["kind"] == 2)
                    }
                    return made
                }
            }
            let fields = try await fake.fields()
            #expect(fields["kind"] == 2)
            #expect(fields["value"]?["event_id"] == "$made")
            #expect(depth.withLock { $0 } == 20)
        }
    }

    @Test func `a caller that gives up tells the module, and later calls go on`() async throws {
        let module: JSONObject = [
            "callbacks": ["check_event_for_spam", FakeHost.unsigned.json],
            "do": ["check_event_for_spam": ["hang": true], FakeHost.unsigned: ["cancelled": true]],
        ]
        try await FakeHost().run([module]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            let task = Task { try await check(event("$e")) }
            await Task.yield()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // Cancelled before it was sent, it never reaches the module.
            let other = Task { try await check(event("$e")) }
            try await Task.sleep(for: .milliseconds(50))
            other.cancel()
            await #expect(throws: CancellationError.self) { try await other.value }
            #expect(try await fake.fields().integer("cancelled") ?? 0 >= 1)
        }
    }

    @Test func `a web resource gets the request and its body, and streams the answer`() async throws {
        try await FakeHost().run([["web": ["/_synapse/client/fake"]]]) { fake async throws in
            let resource = try #require(fake.context.registered.web.first)
            #expect(resource.path == "/_synapse/client/fake")
            // More than the credit of a stream in both directions.
            let body = [UInt8](repeating: 0x61, count: 600_000)
            let response = try await resource.handler(
                WebRequest(method: "POST", uri: "/_synapse/client/fake?a=%20b", body: WebBody(body)))
            #expect(response.status == 201)
            #expect(response.reason == "Made")
            #expect(response.headers["X-Uri"] == "/_synapse/client/fake?a=%20b")
            guard case .stream(let write) = response.body else {
                Issue.record("the body is no stream")
                return
            }
            let count = Mutex(0)
            try await write(WebBodyWriter { bytes in count.withLock { $0 += bytes.count } })
            #expect(count.withLock { $0 } == 1_800_000)
            #expect(try await fake.host.session().pendingCount == 0)
        }
    }

    @Test func `a client that hangs up ends the call of a web resource`() async throws {
        try await FakeHost().run([["web": ["/w"]]]) { fake async throws in
            let resource = try #require(fake.context.registered.web.first)
            let response = try await resource.handler(WebRequest(uri: "/w", body: WebBody([1, 2, 3])))
            guard case .stream(let write) = response.body else {
                Issue.record("the body is no stream")
                return
            }
            await #expect(throws: CancellationError.self) {
                try await write(WebBodyWriter { _ in throw CancellationError() })
            }
            #expect(try await fake.host.session().pendingCount == 0)
        }
    }

    @Test func `many calls at once are all answered`() async throws {
        try await FakeHost().run([FakeHost.module(FakeHost.unsigned, do: ["arguments": true])]) { fake async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<3_000 {
                    group.addTask {
                        let fields = try await fake.fields("$\(number)")
                        #expect(fields.array("args")?.first?["event_id"] == .string("$\(number)"))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a flood of calls of a module is answered or refused, and others are served`() async throws {
        let module = FakeHost.module(FakeHost.unsigned, do: ["flood": 20_000])
        try await FakeHost().run([module, FakeHost.module("check_event_for_spam", do: ["answer": "allow"])]) {
            fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            async let flooded = fake.fields()
            #expect(try await check(event("$e")) == .allow)
            let counts = try await flooded
            let (ok, failed) = (counts.integer("ok") ?? 0, counts.integer("failed") ?? 0)
            #expect(ok + failed == 20_000)
            #expect(ok > 0)
        }
    }
}

extension String {
    fileprivate var json: JSON { .string(self) }
}
