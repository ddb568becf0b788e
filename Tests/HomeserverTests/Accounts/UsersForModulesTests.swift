import Homeserver
import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

/// What modules may ask about users and do for them: sections 3.3 of the contract and E of the acceptance list.
@Suite struct UsersForModulesTests {
    private let nobody = UserID(trusted: "@nobody:example.org")
    private let stranger = UserID(trusted: "@alice:elsewhere.example")

    @Test(arguments: Engine.available)
    func `E1 a registered user has name, address and administrator's rights`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let users = server.usersForModules
            let told = Notes()
            server.modules.register(
                ThirdPartyRules(
                    onAddUserThirdPartyIdentifier: { told.add("add \($0.localpart) \($1.medium) \($1.address)") },
                    onThreepidBind: { told.add("bind \($0.localpart) \($1.medium) \($1.address)") }), of: "m")
            let user = try await users.register(
                NewUser(localpart: "bob", displayName: "Bobberino", emails: ["Bob@bobinator.bob"], isAdmin: true))
            #expect(user.string == "@bob:example.org")
            #expect(try await users.profile(of: user)?.displayName == "Bobberino")
            let info = try #require(try await users.info(of: user))
            #expect(info.isAdmin && !info.isGuest && !info.isDeactivated)
            #expect(info.createdAt == server.time.now)
            let now = server.time.now
            #expect(
                try await users.threepids(of: user) == [
                    Threepid(medium: "email", address: "bob@bobinator.bob", validatedAt: now, addedAt: now)
                ])
            #expect(told.all == ["add bob email bob@bobinator.bob", "bind bob email bob@bobinator.bob"])
            let plain = try await users.register(NewUser(localpart: "plain"))
            #expect(try await users.profile(of: plain)?.displayName == "plain")
            let bad = NewUser(localpart: "bad", emails: ["no address"])
            #expect(try await errorOfRefusal { _ = try await users.register(bad) }.status == 400)
        }
    }

    @Test(arguments: Engine.available)
    func `addresses are given and taken, tokens for registration made and accounts ended`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let users = server.usersForModules
            let alice = try await users.register(NewUser(localpart: "alice"))
            let bob = try await users.register(NewUser(localpart: "bob"))
            let mail = Threepid(
                medium: "email", address: "a@example.org", validatedAt: Timestamp(milliseconds: 1),
                addedAt: Timestamp(milliseconds: 2))
            let address = ThreepidAddress(medium: "email", address: "a@example.org")
            try await users.add(mail, to: alice)
            #expect(try await users.threepids(of: alice) == [mail])
            try await users.add(mail, to: bob)
            #expect(try await users.threepids(of: alice) == [])
            try await users.remove(address, from: alice)
            #expect(try await users.threepids(of: bob) == [mail])
            try await users.remove(address, from: bob)
            #expect(try await users.threepids(of: bob) == [])
            #expect(try await errorOfRefusal { try await users.add(mail, to: nobody) }.status == 404)
            #expect(try await users.createRegistrationToken("abcd", uses: 1, expiry: nil))
            #expect(try await !users.createRegistrationToken("abcd", uses: nil, expiry: nil))
            #expect(
                try await errorOfRefusal { _ = try await users.createRegistrationToken("", uses: 1, expiry: nil) }
                    .status == 400)
            try await users.deactivate(bob, erasing: true, byAdmin: true)
            #expect(try await users.info(of: bob)?.isDeactivated == true)
            #expect(try await users.profile(of: bob)?.displayName == nil)
            #expect(
                try await errorOfRefusal { try await users.deactivate(nobody, erasing: false, byAdmin: true) }
                    .status == 404)
        }
    }

    @Test func `E2 rights of administrators are given and taken, and hold at once`() async throws {
        try await withAccounts(.sqlite) { server in
            let users = server.usersForModules
            let token = try await server.register("alice").login?.accessToken ?? ""
            let alice = try await server.requester(token)
            #expect(try await users.info(of: nobody) == nil)
            #expect(try await users.info(of: stranger) == nil)
            #expect(try await users.info(of: alice.user)?.isAdmin == false)
            try await users.setAdmin(true, alice.user)
            #expect(try await users.info(of: alice.user)?.isAdmin == true)
            #expect(try await server.requester(token).isAdmin)
            try await users.setAdmin(false, alice.user)
            #expect(try await !server.requester(token).isAdmin)
            #expect(try await errorOfRefusal { try await users.setAdmin(true, nobody) }.status == 404)
        }
    }

    @Test func `E3 names and avatars are set as an administrator would`() async throws {
        try await withAccounts(.sqlite) { server in
            let users = server.usersForModules
            let alice = try await server.newUser("alice")
            let room = try await server.creation.create([:], by: alice).room
            try await users.setDisplayName("Bob", of: alice.user)
            try await users.setAvatar("mxc://example.org/a", of: alice.user)
            #expect(
                try await users.profile(of: alice.user)
                    == ModuleAPI.UserProfile(displayName: "Bob", avatarURL: "mxc://example.org/a"))
            #expect(try await server.memberships.joinedRooms(of: alice.user) == [room])
            try await users.setDisplayName("", of: alice.user)
            #expect(try await users.profile(of: alice.user)?.displayName == nil)
            let tooLong = String(repeating: "x", count: 257)
            #expect(try await errorOfRefusal { try await users.setDisplayName(tooLong, of: alice.user) }.status == 400)
            #expect(try await errorOfRefusal { try await users.setDisplayName("x", of: stranger) }.status == 400)
            #expect(try await errorOfRefusal { try await users.setDisplayName("x", of: nobody) }.status == 404)
        }
    }

    @Test(arguments: Engine.available)
    func `E4 sightings are told since a time`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let users = server.usersForModules
            let login = try await server.register("alice").login?.accessToken ?? ""
            let user = UserID(trusted: "@alice:example.org")
            let start = server.time.now
            #expect(try await users.sightings(of: user, since: Timestamp(milliseconds: 0)) == [])
            _ = try await server.requester(login, from: "192.0.2.1")
            try await server.lastSeen.flush()
            server.time.advance(by: .seconds(300))
            let second = try await server.logIn("alice").accessToken
            _ = try await server.requester(second, from: "192.0.2.2")
            #expect(
                try await users.sightings(of: user, since: Timestamp(milliseconds: 0)) == [
                    UserSighting(address: "192.0.2.1", userAgent: "test", lastSeen: start),
                    UserSighting(address: "192.0.2.2", userAgent: "test", lastSeen: server.time.now),
                ])
            let later = start.advanced(by: .seconds(1))
            #expect(try await users.sightings(of: user, since: later).map(\.address) == ["192.0.2.2"])
            let never = server.time.now.advanced(by: .seconds(1))
            #expect(try await users.sightings(of: user, since: never) == [])
            #expect(try await users.sightings(of: stranger, since: Timestamp(milliseconds: 0)) == [])
        }
    }

    @Test(arguments: Engine.available)
    func `E18 a login token is good once and for its time`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let user = try await server.register("alice", device: nil).user
            let token = { (lifetime: Duration) in
                try await server.usersForModules.createLoginToken(
                    for: user, lifetime: lifetime, providerID: nil, providerSessionID: nil)
            }
            let logIn = { (token: String) in
                try await server.logIn(["type": "m.login.token", "token": .string(token)])["user_id"]
            }
            let good = try await token(.seconds(120))
            #expect(try await logIn(good) == "@alice:example.org")
            #expect(try await errorOfRefusal { _ = try await logIn(good) } == .forbidden("Invalid login token"))
            let late = try await token(.seconds(120))
            server.time.advance(by: .seconds(121))
            #expect(try await errorOfRefusal { _ = try await logIn(late) }.status == 403)
            #expect(try await errorOfRefusal { _ = try await logIn("nonsense") }.status == 403)
            #expect(try await errorOfRefusal { _ = try await server.logIn(["type": "m.login.token"]) }.status == 400)
            await #expect(throws: MatrixError.self) {
                try await server.usersForModules.createLoginToken(
                    for: nobody, lifetime: .seconds(1), providerID: nil, providerSessionID: nil)
            }
        }
    }

    @Test func `E19 names that are taken or malformed are told apart`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("alice", device: nil)
            let users = server.usersForModules
            try await users.checkUsername("bob")
            let taken = try await errorOfRefusal { try await users.checkUsername("alice") }
            #expect(taken.code == .userInUse && taken.message == "User ID already taken.")
            for name in ["", "Upper", "sp ace", "_under", "12345", String(repeating: "x", count: 250)] {
                #expect(try await errorOfRefusal { try await users.checkUsername(name) }.code == .invalidUsername)
            }
            #expect(try await users.existing(UserID(trusted: "@ALICE:example.org"))?.string == "@alice:example.org")
            #expect(try await users.existing(nobody) == nil)
        }
    }

    @Test func `E21 a requester is whoever a token stands for, with the refusals of requests`() async throws {
        try await withAccounts(.sqlite, configure: { $0.allowsGuests = true }) { server in
            let users = server.usersForModules
            let ask = { (token: String?, allowGuest: Bool, allowExpired: Bool) in
                try await users.requester(
                    forToken: token, allowGuest: allowGuest, allowExpired: allowExpired, address: nil, userAgent: nil)
            }
            let missing = try await errorOfRefusal { _ = try await ask(nil, false, false) }
            #expect(missing.status == 401 && missing.code == .missingToken)
            let unknown = try await errorOfRefusal { _ = try await ask("nonsense", false, false) }
            #expect(unknown.status == 401 && unknown.code == .unknownToken)
            let alice = try await server.logIn(server.register("alice", device: nil).user.localpart).accessToken
            #expect(try await ask(alice, false, false).user.localpart == "alice")
            #expect(try await users.sightings(of: UserID(trusted: "@alice:example.org"), since: server.time.now) == [])

            let guest = try await server.registration.registerGuest(
                deviceName: nil, source: RequestSource(address: "192.0.2.1"))
            let token = guest.login?.accessToken
            #expect(try await errorOfRefusal { _ = try await ask(token, false, false) }.code == .guestAccessForbidden)
            #expect(try await ask(token, true, false).isGuest)

            try server.modules.register(AccountValidity(isUserExpired: { _ in .expired }), of: "m")
            #expect(
                try await errorOfRefusal { _ = try await ask(alice, false, false) }.code == "ORG_MATRIX_EXPIRED_ACCOUNT"
            )
            #expect(try await ask(alice, false, true).user.localpart == "alice")
        }
    }

    @Test func `a device is made without asking or telling modules`() async throws {
        try await withAccounts(.sqlite) { server in
            let user = try await server.register("alice", device: nil).user
            let users = server.usersForModules
            server.modules.register(SpamChecker(checkLoginForSpam: { _ in .deny() }), of: "m")
            let login = try await users.registerDevice(of: user, device: "D", displayName: "Bot")
            #expect(login.device == "D" && login.validUntil == nil)
            let requester = try await server.requester(login.accessToken)
            #expect(try await server.devices.device("D", of: requester).displayName == "Bot")
            try await users.invalidate(accessToken: login.accessToken)
            #expect(
                try await errorOfRefusal { try await users.invalidate(accessToken: login.accessToken) }.status == 401)
            #expect(try await server.devices.devices(of: requester).isEmpty)
        }
    }

    @Test(arguments: Engine.available)
    func `an external ID stands for one user`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let users = server.usersForModules
            let alice = try await server.register("alice", device: nil).user
            let bob = try await server.register("bob", device: nil).user
            let id = ExternalID(provider: "oidc-x", id: "42")
            try await users.record(id, for: alice)
            try await users.record(id, for: alice)
            await #expect(throws: ModuleError.externalIDInUse) { try await users.record(id, for: bob) }
            try await users.record(ExternalID(provider: "saml", id: "a"), for: alice)
            #expect(try await users.externalIDs(of: alice) == [id, ExternalID(provider: "saml", id: "a")])
            #expect(try await users.externalIDs(of: bob) == [])
            #expect(try await users.user(knownTo: "oidc-x", as: "42") == alice)
            #expect(try await users.user(knownTo: "oidc-x", as: "43") == nil)
            #expect(try await users.user(knownTo: "oidc-x", as: "\0") == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `a user's own rate limit holds at once and after a restart`(engine: Engine) async throws {
        var limits = RateLimitSettings.unlimited
        limits[.message] = RateLimit(perSecond: 0.001, burst: 1)
        try await withAccounts(engine, limits: limits) { server in
            let users = server.usersForModules
            let alice = try await server.newUser("alice")
            #expect(try await users.rateLimit(of: alice.user) == nil)
            let limit = UserRateLimit(messagesPerSecond: 0, burstCount: 0)
            try await users.setRateLimit(limit, of: alice.user)
            #expect(try await users.rateLimit(of: alice.user) == limit)
            for _ in 0..<5 { try server.limiter.check(.message, key: "x", for: alice) }
            #expect(try await server.database.read { try $0.rateLimitOverrides.all().count } == 1)
            try await users.setRateLimit(nil, of: alice.user)
            try server.limiter.check(.message, key: "x", for: alice)
            #expect(throws: MatrixError.self) { try server.limiter.check(.message, key: "x", for: alice) }
            #expect(try await errorOfRefusal { try await users.setRateLimit(limit, of: nobody) }.status == 404)
        }
    }
}
