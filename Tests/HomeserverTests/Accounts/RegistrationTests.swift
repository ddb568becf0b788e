import Homeserver
import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct RegistrationTests {
    private let dummy: JSON = ["type": "m.login.dummy"]

    private func required(_ outcome: RegistrationOutcome) throws -> JSONObject {
        guard case .authenticationRequired(let answer) = outcome else { throw NotRefused() }
        return answer
    }
    private func registered(_ outcome: RegistrationOutcome) throws -> RegisteredAccount {
        guard case .registered(let account) = outcome else { throw NotRefused() }
        return account
    }

    @Test(arguments: Engine.available)
    func `registering takes the dummy stage, then gives a device and a token`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let first = try required(
                try await server.register([
                    "username": "Alice", "password": "correct horse", "device_id": "PHONE",
                    "initial_device_display_name": "My phone",
                ]))
            let session = try #require(first.string("session"))
            #expect(first["flows"] == [["stages": ["m.login.dummy"]]])
            #expect(first["params"] == [:])
            #expect(!first.contains("completed"))

            let auth: JSON = ["type": "m.login.dummy", "session": .string(session)]
            let account = try registered(try await server.register(["auth": auth]))
            #expect(account.user.string == "@alice:example.org")
            let login = try #require(account.login)
            #expect(login.device == "PHONE")
            #expect(account.object["home_server"] == "example.org")
            let requester = try await server.requester(login.accessToken)
            #expect(try await server.devices.device("PHONE", of: requester).displayName == "My phone")
            let profile = try await server.database.read { try $0.profiles.profile(of: account.user) }
            #expect(profile == UserProfile(displayName: "alice"))
            _ = try await server.logIn("alice")
        }
    }

    @Test(arguments: Engine.available)
    func `a finished registration can be repeated, but not for another user`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let first = try required(try await server.register(["username": "alice", "password": "pw"]))
            let auth: JSON = ["type": "m.login.dummy", "session": first["session"] ?? .null]
            let account = try registered(try await server.register(["auth": auth]))
            let again = try registered(try await server.register(["auth": auth]))
            #expect(again.user == account.user)
            #expect(again.login?.accessToken != account.login?.accessToken)
            let error = try await errorOfRefusal {
                _ = try await server.register(["username": "bob", "password": "pw", "auth": auth])
            }
            #expect(error.message == "A different user ID has already been registered for this session")
        }
    }

    @Test(arguments: Engine.available)
    func `without a username the server chooses one`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let body: JSONObject = ["password": "correct horse", "auth": dummy, "inhibit_login": true]
            let first = try registered(try await server.register(body))
            let second = try registered(try await server.register(body))
            #expect(first.login == nil)
            #expect(first.object.keys.contains("access_token") == false)
            #expect(first.user != second.user)
            #expect(first.user.localpart.utf8.allSatisfy { (0x30...0x39).contains($0) })
        }
    }

    @Test(
        arguments: [
            ("", "User ID cannot be empty"),
            ("a b", "User ID can only contain characters a-z, 0-9, or '=_-./+'"),
            ("caf\u{e9}", "User ID can only contain characters a-z, 0-9, or '=_-./+'"),
            ("_a", "User ID may not begin with _"),
            ("12345", "Numeric user IDs are reserved for guest users."),
            (String(repeating: "a", count: 300), "User ID may not be longer than 255 characters"),
        ])
    func `usernames out of the grammar are refused`(username: String, message: String) async throws {
        try await withAccounts(.sqlite) { server in
            let error = try await errorOfRefusal {
                _ = try await server.register(["username": .string(username), "password": "pw"])
            }
            #expect(error.status == 400)
            #expect(error.code == .invalidUsername)
            #expect(error.message == message)
        }
    }

    @Test(arguments: Engine.available)
    func `a taken username is refused whatever its case, before any stage`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            try await server.register("alice")
            for username in ["alice", "ALICE"] {
                let error = try await errorOfRefusal {
                    _ = try await server.register(["username": .string(username), "password": "pw"])
                }
                #expect(error.code == .userInUse)
                #expect(error.status == 400)
            }
            let error = try await errorOfRefusal { try await server.registration.checkAvailability(of: "alice") }
            #expect(error.code == .userInUse)
            try await server.registration.checkAvailability(of: "bob")
        }
    }

    @Test func `who is registered can be hidden until the stages are completed`() async throws {
        try await withAccounts(.sqlite, configure: { $0.hidesTakenUsernames = true }) { server in
            try await server.register("alice")
            let body: JSONObject = ["username": "alice", "password": "pw"]
            _ = try required(try await server.register(body))
            var authenticated = body
            authenticated["auth"] = dummy
            let complete = authenticated
            #expect(try await errorOfRefusal { _ = try await server.register(complete) }.code == .userInUse)
        }
    }

    @Test func `registration can be disabled, reserved and asks for a password`() async throws {
        try await withAccounts(.sqlite, configure: { $0.isRegistrationEnabled = false }) { server in
            let error = try await errorOfRefusal { _ = try await server.register(["username": "a", "password": "pw"]) }
            #expect(error == .forbidden("Registration has been disabled"))
        }
        try await withAccounts(.sqlite, configure: { $0.isReserved = { $0.localpart.hasPrefix("irc") } }) { server in
            let reserved = try await errorOfRefusal {
                _ = try await server.register(["username": "irc.a", "password": "pw"])
            }
            #expect(reserved.code == .exclusive)
            let missing = try await errorOfRefusal { _ = try await server.register(["username": "a", "auth": dummy]) }
            #expect(missing.code == .missingParam)
            #expect(missing.message == "Missing params: password")
        }
    }

    @Test func `guests are refused unless they are allowed`() async throws {
        try await withAccounts(.sqlite) { server in
            let error = try await errorOfRefusal {
                _ = try await server.registration.registerGuest(
                    deviceName: nil, source: RequestSource(address: "192.0.2.1"))
            }
            #expect(error.status == 403)
            #expect(error.code == .guestAccessForbidden)
        }
        try await withAccounts(.sqlite, configure: { $0.allowsGuests = true }) { server in
            let guest = try await server.registration.registerGuest(
                deviceName: "tab", source: RequestSource(address: "192.0.2.1"))
            let requester = try await server.requester(try #require(guest.login).accessToken)
            #expect(requester.isGuest)
        }
    }

    @Test(arguments: Engine.available)
    func `a registration token's last use is given to one`(engine: Engine) async throws {
        try await withAccounts(engine, configure: { $0.registrationRequiresToken = true }) { server in
            try await server.database.write { transaction in
                _ = try transaction.registrationTokens.insert(RegistrationToken(token: "tok", usesAllowed: 1))
            }
            let valid = { try await server.registration.isValid(token: "tok", address: "192.0.2.1") }
            #expect(try await valid())
            let first = try required(try await server.register(["username": "alice", "password": "pw"]))
            let second = try required(try await server.register(["username": "bob", "password": "pw"]))
            #expect(first["flows"] == [["stages": ["m.login.registration_token", "m.login.dummy"]]])
            func auth(_ answer: JSONObject, _ type: String, token: String? = nil) -> JSON {
                var auth: JSONObject = ["type": .string(type), "session": answer["session"] ?? .null]
                if let token { auth["token"] = .string(token) }
                return ["auth": .object(auth)]
            }
            func send(_ body: JSON) async throws -> RegistrationOutcome {
                try await server.register(body.objectValue ?? [:])
            }
            let shown = try required(try await send(auth(first, "m.login.registration_token", token: "tok")))
            #expect(shown["completed"] == ["m.login.registration_token"])
            #expect(try await !valid())
            let refused = try required(try await send(auth(second, "m.login.registration_token", token: "tok")))
            #expect(refused["errcode"] == "M_UNAUTHORIZED")
            #expect(refused["error"] == "Invalid registration token")
            #expect(refused["completed"] == [])
            let missing = try required(try await send(auth(second, "m.login.registration_token")))
            #expect(missing["errcode"] == "M_MISSING_PARAM")
            _ = try registered(try await send(auth(first, "m.login.dummy")))
            let token = try #require(
                try await server.database.read { try $0.registrationTokens.token("tok") })
            #expect((token.pending, token.completed) == (0, 1))
        }
    }

    @Test(arguments: Engine.available)
    func `a session that expires gives its registration token back`(engine: Engine) async throws {
        try await withAccounts(engine, configure: { $0.registrationRequiresToken = true }) { server in
            try await server.database.write { transaction in
                _ = try transaction.registrationTokens.insert(RegistrationToken(token: "tok", usesAllowed: 1))
            }
            let first = try required(try await server.register(["username": "alice", "password": "pw"]))
            let auth: JSON = [
                "type": "m.login.registration_token", "session": first["session"] ?? .null, "token": "tok",
            ]
            _ = try required(try await server.register(["auth": auth]))
            server.time.advance(by: .seconds(49 * 3600))
            #expect(
                try await errorOfRefusal { _ = try await server.register(["auth": auth]) }.message.hasPrefix(
                    "Unknown session ID"))
            try await server.interactiveAuth.removeExpired()
            #expect(try await server.registration.isValid(token: "tok", address: "192.0.2.1"))
        }
    }

    @Test func `a session outlives a restart, and never holds the password`() async throws {
        try await withAccounts(.sqlite) { server in
            let first = try required(try await server.register(["username": "alice", "password": "hunter2!"]))
            let stored = try await server.database.read { transaction in
                try transaction.first("SELECT body || data FROM ui_auth_sessions") { $0.text(0) }
            }
            #expect(stored?.contains("hunter2!") == false)
            let restarted = try await AccountServer(server.database)
            let auth: JSON = ["type": "m.login.dummy", "session": first["session"] ?? .null]
            _ = try registered(try await restarted.register(["auth": auth]))
            _ = try await restarted.logIn("alice", "hunter2!")
        }
    }

    @Test func `registrations from one address are limited`() async throws {
        var limits = RateLimitSettings.unlimited
        limits[.registration] = RateLimit(perSecond: 0.1, burst: 2)
        try await withAccounts(.sqlite, limits: limits) { server in
            for name in ["a", "b"] {
                _ = try registered(
                    try await server.register(["username": .string(name), "password": "pw", "auth": dummy]))
            }
            let error = try await errorOfRefusal { _ = try await server.register(["username": "c", "password": "pw"]) }
            #expect(error.status == 429)
        }
    }

    @Test(
        arguments: [
            (["auth": "x"], 400, "M_BAD_JSON"),
            (["auth": ["type": 5]], 400, "M_BAD_JSON"),
            (["auth": ["session": 5]], 400, "M_BAD_JSON"),
            (["auth": ["session": "nope"]], 400, "M_UNKNOWN"),
            (["auth": ["type": "m.foo"]], 400, "M_INVALID_PARAM"),
            (["username": 5], 400, "M_UNKNOWN"),
            (["password": 5], 400, "M_UNKNOWN"),
            (["device_id": 5], 400, "M_INVALID_PARAM"),
        ] as [(JSONObject, Int, String)])
    func `malformed registrations are refused`(body: JSONObject, status: Int, code: String) async throws {
        try await withAccounts(.sqlite) { server in
            let error = try await errorOfRefusal { _ = try await server.register(body) }
            #expect(error.status == status)
            #expect(error.code.string == code)
        }
    }
}
