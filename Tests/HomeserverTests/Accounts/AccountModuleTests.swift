import Homeserver
import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

/// What modules are asked and told about registrations, logins, tokens and profiles.
@Suite struct AccountModuleTests {
    private let source = RequestSource(address: "192.0.2.1", userAgent: "test")

    private func registration(_ name: String) -> JSONObject {
        ["username": .string(name), "password": "correct horse", "auth": ["type": "m.login.dummy"]]
    }

    // MARK: Registering

    @Test func `B17 a denied registration is too many, a shadow-banned one succeeds`() async throws {
        try await withAccounts(.sqlite) { server in
            let attempts = Mutexed<[RegistrationAttempt]>([])
            server.modules.register(
                SpamChecker(checkRegistrationForSpam: { attempt in
                    attempts.update { $0.append(attempt) }
                    return attempt.username == "spammer" ? .deny : attempt.username == "troll" ? .shadowBan : .allow
                }), of: "m")
            let error = try await errorOfRefusal { _ = try await server.register(registration("spammer")) }
            #expect(error == MatrixError(status: 429, code: .unknown, message: "Rate limited"))
            #expect(try await server.accounts.account(of: UserID(trusted: "@spammer:example.org")) == nil)
            _ = try await server.register(registration("troll"))
            let troll = try #require(try await server.accounts.account(of: UserID(trusted: "@troll:example.org")))
            #expect(troll.isShadowBanned)
            _ = try await server.register(registration("alice"))
            let alice = try #require(try await server.accounts.account(of: UserID(trusted: "@alice:example.org")))
            #expect(!alice.isShadowBanned)
            #expect(attempts.value.map(\.username) == ["spammer", "troll", "alice"])
            let origin = RequestOrigin(userAgent: "test", address: "192.0.2.1")
            #expect(attempts.value.allSatisfy { $0.origins == [origin] && $0.email == nil && $0.authProviderID == nil })
        }
    }

    @Test func `B17 every way to an account is asked about`() async throws {
        try await withAccounts(.sqlite, configure: { $0.allowsGuests = true }) { server in
            let asked = Notes()
            server.modules.register(
                SpamChecker(checkRegistrationForSpam: { attempt in
                    asked.add("\(attempt.username ?? "-") \(attempt.origins.count)")
                    return .deny
                }), of: "m")
            #expect(
                try await errorOfRefusal {
                    _ = try await server.registration.registerGuest(deviceName: nil, source: source)
                }
                .status == 429)
            #expect(
                try await errorOfRefusal { _ = try await server.usersForModules.register(NewUser(localpart: "mod")) }
                    .status
                    == 429)
            let nonce = try server.sharedSecret.newNonce()
            let mac = SharedSecretRegistration.mac(of: [nonce, "admin", "pw", "notadmin"], secret: "secret")
            let body: JSONObject = [
                "nonce": .string(nonce), "username": "admin", "password": "pw", "mac": .string(mac),
            ]
            #expect(try await errorOfRefusal { _ = try await server.sharedSecret.register(body) }.status == 429)
            #expect(asked.all == ["- 1", "mod 0", "admin 0"])
        }
    }

    @Test func `F12 modules choose username and display name once the client has authenticated`() async throws {
        try await withAccounts(.sqlite) { server in
            let asked = Notes()
            try server.modules.register(
                PasswordAuthProvider(
                    getUsernameForRegistration: { stages, parameters in
                        asked.add("\(stages.keys.joined()) \(parameters.contains("password"))")
                        return (parameters.string("username") ?? "") + "-FOO"
                    },
                    getDisplayNameForRegistration: { _, parameters in parameters.string("username").map { "Dr. \($0)" }
                    }
                ), of: "m")
            _ = try await server.register(["username": "rin", "password": "pw"])
            #expect(asked.all == [])
            guard case .registered(let account) = try await server.register(registration("rin")) else {
                throw NotRefused()
            }
            #expect(account.user.string == "@rin-foo:example.org")
            #expect(asked.all == ["m.login.dummy false"])
            let profile = try await server.usersForModules.profile(of: account.user)
            #expect(profile == ModuleAPI.UserProfile(displayName: "Dr. rin"))
        }
    }

    @Test func `F14 a module that fails to name a user fails the registration`() async throws {
        try await withAccounts(.sqlite) { server in
            try server.modules.register(
                PasswordAuthProvider(getUsernameForRegistration: { _, _ in throw Broken() }), of: "m")
            let error = try await errorOfRefusal { _ = try await server.register(registration("rin")) }
            #expect(error.status == 500)
            #expect(try await server.accounts.account(of: UserID(trusted: "@rin:example.org")) == nil)
        }
    }

    @Test func `G3 modules hear of each new account once, and can fail the request`() async throws {
        try await withAccounts(.sqlite) { server in
            let told = Notes()
            try server.modules.register(
                AccountValidity(onUserRegistration: { user in
                    told.add(user.string)
                    if user.localpart == "unlucky" { throw Broken() }
                }), of: "m")
            _ = try await server.register(registration("alice"))
            _ = try await server.usersForModules.register(NewUser(localpart: "bob"))
            #expect(try await errorOfRefusal { _ = try await server.register(registration("unlucky")) }.status == 500)
            #expect(told.all == ["@alice:example.org", "@bob:example.org", "@unlucky:example.org"])
            let unlucky = UserID(trusted: "@unlucky:example.org")
            let account = try #require(try await server.accounts.account(of: unlucky))
            #expect(try await server.database.read { try $0.devices.devices(of: account.number) }.isEmpty)
        }
    }

    // MARK: Logging in

    @Test func `B19 a denied login leaves no device behind`() async throws {
        try await withAccounts(.sqlite) { server in
            let account = try await server.register("alice", device: nil)
            let attempts = Mutexed<[LoginAttempt]>([])
            server.modules.register(
                SpamChecker(checkLoginForSpam: { attempt in
                    attempts.update { $0.append(attempt) }
                    return attempt.device == "GOOD" ? .allow : .deny(code: .limitExceeded, fields: ["extra": "value"])
                }), of: "m")
            let error = try await errorOfRefusal {
                _ = try await server.logIn("alice", device: DeviceRequest(id: "BAD", displayName: "Bad"))
            }
            #expect(error.status == 403)
            #expect(
                error.body == [
                    "errcode": "M_LIMIT_EXCEEDED", "error": "Login was blocked by the server", "extra": "value",
                ])
            let number = try #require(try await server.accounts.account(of: account.user)?.number)
            #expect(try await server.database.read { try $0.devices.devices(of: number) }.isEmpty)
            #expect(
                attempts.value == [
                    LoginAttempt(
                        user: account.user, device: "BAD", initialDisplayName: "Bad",
                        origins: [RequestOrigin(userAgent: "test", address: "192.0.2.1")])
                ])
            _ = try await server.logIn("alice", device: DeviceRequest(id: "GOOD"))
            // A wrong password is not worth a question.
            _ = try await errorOfRefusal { _ = try await server.logIn("alice", "wrong") }
            #expect(attempts.value.count == 2)
        }
    }

    @Test func `G3 modules hear of each login with its type, and can fail it`() async throws {
        try await withAccounts(.sqlite) { server in
            let user = try await server.register("alice", device: nil).user
            let told = Notes()
            let fails = Mutexed(false)
            try server.modules.register(
                AccountValidity(onUserLogin: { user, type, provider in
                    told.add("\(user) \(type ?? "-") \(provider ?? "-")")
                    if fails.value { throw Broken() }
                }), of: "m")
            _ = try await server.logIn("alice")
            let token = try await server.usersForModules.createLoginToken(
                for: user, lifetime: .seconds(60), providerID: "oidc", providerSessionID: nil)
            _ = try await server.logIn(["type": "m.login.token", "token": .string(token)])
            fails.update { $0 = true }
            #expect(try await errorOfRefusal { _ = try await server.logIn("alice") }.status == 500)
            #expect(
                told.all == [
                    "@alice:example.org m.login.password -", "@alice:example.org m.login.token oidc",
                    "@alice:example.org m.login.password -",
                ])
        }
    }

    // MARK: Expired accounts

    @Test func `G2 an expired account is refused, by the first module that knows`() async throws {
        try await withAccounts(.sqlite) { server in
            let (alice, bob) = (try await server.newUser("alice"), try await server.newUser("bob"))
            try await server.tokens.checkValidity(of: alice)
            try server.modules.register(
                AccountValidity(isUserExpired: { $0.localpart == "carol" ? .expired : .unknown }), of: "first")
            try server.modules.register(
                AccountValidity(isUserExpired: { $0.localpart == "alice" ? .expired : .valid }), of: "second")
            try server.modules.register(AccountValidity(isUserExpired: { _ in .expired }), of: "third")
            try await server.tokens.checkValidity(of: bob)
            let error = try await errorOfRefusal { try await server.tokens.checkValidity(of: alice) }
            #expect(
                error
                    == MatrixError(
                        status: 403, code: "ORG_MATRIX_EXPIRED_ACCOUNT", message: "User account has expired"))
        }
    }

    @Test func `a module renews accounts in the place of the server`() async throws {
        try await withAccounts(.sqlite) { server in
            let renewal = AccountRenewalService(modules: server.modules)
            let alice = try await server.newUser("alice")
            let until = Timestamp(milliseconds: 5)
            let off = try await errorOfRefusal { try await renewal.sendMail(to: alice.user) }
            #expect(off == .forbidden("Account renewal via email is disabled on this server."))
            #expect(try await renewal.renew(token: "good") == .unknownToken)
            #expect(try await errorOfRefusal { _ = try await renewal.setValidity([:], by: alice) }.status == 400)

            let told = Notes()
            try server.modules.register(
                AccountValidity(
                    onLegacySendMail: { told.add($0.string) },
                    onLegacyRenew: { token in
                        ModuleAPI.AccountRenewal(isValid: token == "good", isStale: token == "old", expiresAt: until)
                    },
                    onLegacyAdminRequest: { request in
                        told.add("\(request.administrator.user) \(request.body.string("user_id") ?? "-")")
                        return until
                    }), of: "m")
            try await renewal.sendMail(to: alice.user)
            #expect(try await renewal.renew(token: "good") == .renewed(until: until))
            #expect(try await renewal.renew(token: "old") == .stale(until: until))
            #expect(try await renewal.renew(token: "bad") == .unknownToken)
            #expect(try await renewal.setValidity(["user_id": "@b:example.org"], by: alice) == until)
            #expect(told.all == ["@alice:example.org", "@alice:example.org @b:example.org"])
        }
    }

    // MARK: Tokens that end

    @Test(arguments: Engine.available)
    func `E12 modules hear once of every token that ends, whatever ends it`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let old = try await server.register("alice", device: DeviceRequest(id: "OLD")).login?.accessToken ?? ""
            let told = Notes()
            try server.modules.register(
                PasswordAuthProvider(onLoggedOut: { user, device, token in
                    told.add("\(user.localpart) \(device?.string ?? "-") \(token)")
                    throw Broken()
                }), of: "m")
            var tokens: [String: String] = [:]
            for device in ["A", "B", "C", "D", "E"] {
                tokens[device] = try await server.logIn("alice", device: DeviceRequest(id: DeviceID(device)))
                    .accessToken
            }
            let text = { (device: String) in "alice \(device) \(tokens[device] ?? "")" }
            let alice = try await server.requester(tokens["A"] ?? "")

            try await server.devices.delete(["B", "nope"], of: alice)
            #expect(told.all == [text("B")])
            let again = try await server.logIn("alice", device: DeviceRequest(id: "C")).accessToken
            #expect(told.all.last == text("C"))
            try await server.usersForModules.invalidate(accessToken: again)
            #expect(told.all.last == "alice C \(again)")
            try await server.accounts.setPasswordHash("x", of: alice, endsOtherSessions: true)
            // Nobody kept what the text of a token follows from that was made before there was a module to tell.
            #expect(Set(told.all.dropFirst(3)) == [text("D"), text("E"), "alice OLD "])
            try await server.devices.logOut(alice, accessToken: tokens["A"])
            #expect(told.all.last == text("A"))
            #expect(told.all.count == 7)
            for token in tokens.values + [old] {
                #expect(try await errorOfRefusal { _ = try await server.requester(token) }.status == 401)
            }
        }
    }

    // MARK: Profiles

    @Test func `C13 modules hear of a changed profile, before the rooms do`() async throws {
        try await withAccounts(.sqlite) { server in
            let alice = try await server.newUser("alice")
            let told = Notes()
            server.modules.register(
                ThirdPartyRules(onProfileUpdate: { user, profile, byAdmin, isDeactivation in
                    told.add(
                        "\(user.localpart) \(profile.displayName ?? "-") \(profile.avatarURL ?? "-") \(byAdmin) \(isDeactivation)"
                    )
                    throw Broken()
                }), of: "m")
            try await server.profiles.setField("displayname", to: "Al", of: alice.user, by: alice)
            try await server.profiles.setField("avatar_url", to: "mxc://x/y", of: alice.user, by: alice)
            try await server.profiles.setField("m.tz", to: "UTC", of: alice.user, by: alice)
            try await server.profiles.setField("displayname", to: nil, of: alice.user, by: alice)
            try await server.usersForModules.setDisplayName("Bob", of: alice.user)
            #expect(
                told.all == [
                    "alice Al - false false", "alice Al mxc://x/y false false", "alice Al mxc://x/y false false",
                    "alice - mxc://x/y false false", "alice Bob mxc://x/y true false",
                ])
        }
    }
}
