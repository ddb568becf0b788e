import Homeserver
import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct DeactivationTests {
    @Test(arguments: Engine.available)
    func `C14 an ended account has no way in, and modules hear of it`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let users = server.usersForModules
            let told = Notes()
            try server.modules.register(
                PasswordAuthProvider(onLoggedOut: { user, device, _ in told.add("out \(device?.string ?? "-")") }),
                of: "m")
            server.modules.register(
                ThirdPartyRules(
                    checkCanDeactivateUser: { _, byAdmin in
                        told.add("may \(byAdmin)")
                        return .allow
                    },
                    onProfileUpdate: { _, profile, byAdmin, isDeactivation in
                        told.add("profile \(profile.displayName ?? "-") \(byAdmin) \(isDeactivation)")
                    },
                    onUserDeactivationStatusChanged: { _, isDeactivated, byAdmin in
                        told.add("status \(isDeactivated) \(byAdmin)")
                    },
                    onRemoveUserThirdPartyIdentifier: { told.add("remove \($1.address)") }), of: "m")
            let user = try await users.register(NewUser(localpart: "alice", emails: ["a@example.org"]))
            let login = try await users.registerDevice(of: user, device: "D", displayName: nil)
            let alice = try await server.requester(login.accessToken)
            try await server.deactivate(alice, isErased: true)
            #expect(
                told.all == ["may false", "remove a@example.org", "out D", "profile - false true", "status true false"])
            #expect(try await errorOfRefusal { _ = try await server.requester(login.accessToken) }.status == 401)
            #expect(try await errorOfRefusal { _ = try await server.logIn("alice") }.code == .userDeactivated)
            #expect(try await users.info(of: user)?.isDeactivated == true)
            #expect(try await users.profile(of: user) == ModuleAPI.UserProfile())
            #expect(try await users.threepids(of: user) == [])
            #expect(try await server.database.read { try $0.deactivations.pending().count } == 0)
        }
    }

    @Test func `C15 a module keeps an account alive`() async throws {
        try await withAccounts(.sqlite) { server in
            let alice = try await server.newUser("alice")
            server.modules.register(ThirdPartyRules(checkCanDeactivateUser: { _, _ in .deny }), of: "m")
            let error = try await errorOfRefusal { try await server.deactivate(alice) }
            #expect(error == .forbidden("Deactivation of this user is forbidden"))
            _ = try await server.logIn("alice")
        }
    }

    @Test func `without erasure the profile stays and nobody hears of it`() async throws {
        try await withAccounts(.sqlite) { server in
            let alice = try await server.newUser("alice")
            let told = Notes()
            server.modules.register(ThirdPartyRules(onProfileUpdate: { _, _, _, _ in told.add("x") }), of: "m")
            try await server.deactivate(alice)
            #expect(told.all == [])
            #expect(try await server.usersForModules.profile(of: alice.user)?.displayName == "alice")
        }
    }

    @Test(arguments: Engine.available)
    func `the user leaves rooms and declines invites, after a restart too`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let (alice, bob) = (try await server.newUser("alice"), try await server.newUser("bob"))
            let room = try await server.creation.create(["preset": "public_chat"], by: bob).room
            _ = try await server.memberships.apply(.init(.join, of: alice.user), in: room, by: alice)
            let invited = try await server.creation.create(["invite": [.string(alice.user.string)]], by: bob).room
            let account = try #require(try await server.accounts.account(of: alice.user))
            // As far as a server comes that is killed at once.
            try await server.deactivation.deactivate(account, isErased: false)
            #expect(try await server.memberships.joinedRooms(of: alice.user) == [room])
            let restarted = try await AccountServer(server.database)
            await restarted.deactivation.leaveRooms()
            #expect(try await restarted.memberships.joinedRooms(of: alice.user) == [])
            let again = try await errorOfRefusal {
                _ = try await restarted.memberships.apply(.init(.join, of: alice.user), in: invited, by: alice)
            }
            #expect(again.status == 403)
            #expect(try await server.database.read { try $0.deactivations.pending().count } == 0)
        }
    }
}

@Suite struct PasswordChangeTests {
    private func change(
        _ server: AccountServer, _ requester: Requester, _ body: JSONObject
    ) async throws -> JSONObject? {
        try await server.passwords.change(body, uri: "/account/password", by: requester)
    }

    private func auth(_ session: JSON?, _ password: String = "correct horse") -> JSON {
        [
            "type": "m.login.password", "identifier": ["type": "m.id.user", "user": "alice"],
            "password": .string(password), "session": session ?? .null,
        ]
    }

    @Test(arguments: Engine.available)
    func `a new password ends the other sessions, unless they are to stay`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let token = try await server.register("alice").login?.accessToken ?? ""
            let alice = try await server.requester(token)
            let other = try await server.logIn("alice").accessToken
            let first = try #require(try await change(server, alice, ["new_password": "n1", "logout_devices": false]))
            #expect(first["flows"] == [["stages": ["m.login.password"]]])
            #expect(try await change(server, alice, ["auth": auth(first["session"])]) == nil)
            _ = try await server.requester(other)
            #expect(try await errorOfRefusal { _ = try await server.logIn("alice") }.status == 403)
            _ = try await server.logIn("alice", "n1")

            let again: JSONObject = ["new_password": "n2", "auth": auth(nil, "n1")]
            #expect(try await change(server, alice, again) == nil)
            #expect(try await errorOfRefusal { _ = try await server.requester(other) }.status == 401)
            _ = try await server.requester(token)
            #expect(try await server.devices.devices(of: alice).map(\.id) == [alice.device])
            _ = try await server.logIn("alice", "n2")
        }
    }

    @Test func `a password must be given, acceptable, and changeable`() async throws {
        try await withAccounts(
            .sqlite,
            configure: {
                $0.passwordPolicy.isEnabled = true
                $0.passwordPolicy.minimumLength = 5
            }
        ) {
            server in
            let alice = try await server.newUser("alice")
            let weak = try await errorOfRefusal { _ = try await change(server, alice, ["new_password": "abc"]) }
            #expect(weak.code == "M_PASSWORD_TOO_SHORT")
            let none = try await errorOfRefusal { _ = try await change(server, alice, ["auth": auth(nil)]) }
            #expect(none.code == .missingParam)
        }
        try await withAccounts(.sqlite, configure: { $0.checksOwnPasswords = false }) { server in
            let alice = try await server.newUser("alice")
            try server.modules.register(
                PasswordAuthProvider(authCheckers: [
                    AuthChecker(loginType: "m.login.password", fields: ["password"]) { _, _, _ in
                        .user(UserID(trusted: "@alice:example.org"))
                    }
                ]), of: "m")
            let body: JSONObject = ["new_password": "n", "auth": auth(nil)]
            let error = try await errorOfRefusal { _ = try await change(server, alice, body) }
            #expect(error == .forbidden("Password change disabled"))
        }
    }
}
