import Homeserver
import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct LoginTests {
    @Test(arguments: Engine.available)
    func `a user logs in with localpart or user ID, in any case if that is unambiguous`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            try await server.register("alice")
            for name in ["alice", "ALICE", "@alice:example.org", "@Alice:example.org"] {
                #expect(try await server.logIn(name).user.string == "@alice:example.org")
            }
            try await server.database.write { transaction in
                for name in ["@Bob:example.org", "@BOB:example.org"] {
                    _ = try transaction.accounts.insert(
                        NewAccount(user: UserID(trusted: name), createdAt: Timestamp(milliseconds: 0)))
                }
            }
            #expect(try await errorOfRefusal { _ = try await server.logIn("bob") }.status == 403)
        }
    }

    @Test func `wrong password, unknown user and foreign user are told alike`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("alice")
            for (name, password) in [
                ("alice", "wrong"), ("nobody", "correct horse"), ("@alice:other.org", "correct horse"), ("@alice", ""),
            ] {
                let error = try await errorOfRefusal { _ = try await server.logIn(name, password) }
                #expect(error == .forbidden("Invalid username or password"))
            }
            let email: JSON = ["type": "m.id.thirdparty", "medium": "email", "address": "a@example.org"]
            let error = try await errorOfRefusal {
                _ = try await server.logIn(["type": "m.login.password", "identifier": email, "password": "x"])
            }
            #expect(error == .forbidden("Invalid username or password"))
        }
    }

    @Test func `a deactivated user is told so`() async throws {
        try await withAccounts(.sqlite) { server in
            let requester = try await server.newUser("alice")
            try await server.deactivate(requester)
            let error = try await errorOfRefusal { _ = try await server.logIn("alice") }
            #expect(error.status == 403)
            #expect(error.code == .userDeactivated)
            #expect(try await errorOfRefusal { try await server.accounts.checkUsername("alice") }.code == .userInUse)
        }
    }

    @Test(arguments: Engine.available)
    func `logging in on a device ends its earlier token and keeps its name`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            try await server.register("alice", device: nil)
            let first = try await server.logIn("alice", device: DeviceRequest(id: "A", displayName: "One"))
            _ = try await server.requester(first.accessToken)
            let second = try await server.logIn("alice", device: DeviceRequest(id: "A", displayName: "Two"))
            #expect(try await errorOfRefusal { _ = try await server.requester(first.accessToken) }.status == 401)
            let requester = try await server.requester(second.accessToken)
            #expect(try await server.devices.devices(of: requester).map(\.displayName) == ["One"])
        }
    }

    @Test func `a device the client does not name gets ten capital letters`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("alice", device: nil)
            let device = try await server.logIn("alice").device.string
            #expect(device.utf8.count == 10)
            #expect(device.utf8.allSatisfy { (0x41...0x5A).contains($0) })
        }
    }

    @Test func `device IDs and names that are too long are refused`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("alice", device: nil)
            let long = DeviceRequest(id: DeviceID(String(repeating: "d", count: 513)))
            let id = try await errorOfRefusal { _ = try await server.logIn("alice", device: long) }
            #expect(id == .invalidParam("device_id cannot be longer than 512 characters."))
            let named = DeviceRequest(displayName: String(repeating: "d", count: 101))
            let name = try await errorOfRefusal { _ = try await server.logIn("alice", device: named) }
            #expect(name.code == .tooLarge)
        }
    }

    @Test func `failures for one user are limited, even once the password is right`() async throws {
        var limits = RateLimitSettings.unlimited
        limits[.loginFailedAttempts] = RateLimit(perSecond: 0.1, burst: 2)
        try await withAccounts(.sqlite, limits: limits) { server in
            try await server.register("alice", device: nil)
            for name in ["alice", "ALICE"] {
                #expect(try await errorOfRefusal { _ = try await server.logIn(name, "wrong") }.status == 403)
            }
            #expect(try await errorOfRefusal { _ = try await server.logIn("alice") }.status == 429)
            server.time.advance(by: .seconds(11))
            _ = try await server.logIn("alice")
        }
    }

    @Test func `password login can be switched off`() async throws {
        try await withAccounts(.sqlite, configure: { $0.passwordUse = .nothing }) { server in
            try await server.register("alice", device: nil)
            let error = try await errorOfRefusal { _ = try await server.logIn("alice") }
            #expect(error.message == "Password login has been disabled.")
            #expect(server.interactiveAuth.flowsForUsers.isEmpty)
        }
    }

    @Test func `identifiers are read in their present and historical forms`() async throws {
        func read(_ body: JSONObject) throws -> String? { try UserIdentifier.read(from: body)?.description }
        #expect(try read(["identifier": ["type": "m.id.user", "user": "a"]]) == "a")
        #expect(try read(["user": "a"]) == "a")
        #expect(try read(["medium": "email", "address": "a@b.c"]) == "email:a@b.c")
        #expect(try read([:]) == nil)
        let wrong: [(JSON, String)] = [
            ("x", "'identifier' dict has no key 'type'"),
            (["type": "foo"], "Unknown login identifier type"),
            (["type": "m.id.user"], "User identifier is missing 'user' key"),
            (["type": "m.id.thirdparty"], "Invalid thirdparty identifier"),
            (["type": "m.id.phone"], "Invalid phone-type identifier"),
        ]
        for (identifier, message) in wrong {
            let error = try await errorOfRefusal { _ = try UserIdentifier.read(from: ["identifier": identifier]) }
            #expect(error.status == 400)
            #expect(error.message == message)
        }
    }
}
