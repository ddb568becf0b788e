import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Password auth providers: logging in, registering, logging out.
struct PasswordAuthQuestionsTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }
    private let notes = Notes()
    private let email = ThreepidAddress(medium: "email", address: "a@b")
    private let number = ThreepidAddress(medium: "msisdn", address: "123")

    private func registerChecker(
        _ module: String, _ type: String = "x.pin", _ fields: [String] = ["pin"],
        _ check: @escaping PasswordAuthProvider.CheckAuth
    ) throws {
        try registry.register(
            PasswordAuthProvider(authCheckers: [AuthChecker(loginType: type, fields: fields, check: check)]), of: module
        )
    }

    @Test func `the types that modules offer are told once each, passwords first`() throws {
        #expect(registry.loginTypes.isEmpty)
        for (module, type) in [("A", "x.pin"), ("B", "m.login.password"), ("C", "x.pin")] {
            try registerChecker(module, type) { _, _, _ in .unknown }
        }
        #expect(registry.loginTypes.map(\.loginType) == ["m.login.password", "x.pin"])
        #expect(registry.loginTypes.last?.fields == ["pin"])
    }

    @Test func `the first module that knows the user decides; one that fails is passed over`() async throws {
        try registerChecker("A") { [notes] username, type, fields in
            notes.add("A \(username) \(type) \(fields == ["pin": "1"])")
            return .unknown
        }
        try registerChecker("B") { _, _, _ in throw Broken() }
        try registerChecker("C") { _, _, _ in throw MatrixError.forbidden("no") }
        try registerChecker("D") { _, _, _ in .user(alice) }
        try registerChecker("E") { _, _, _ in .user(bob) }
        let found = try await registry.checkAuth(
            username: "al", loginType: "x.pin", submission: ["pin": "1", "type": "x.pin", "password": "p"])
        #expect(found?.user == alice)
        #expect(notes.all == ["A al x.pin true"])
        #expect(test.log.all.count == 2)
        #expect(test.log.all.allSatisfy { $0.hasPrefix("warning: ") })
    }

    @Test func `of another type no module is asked`() async throws {
        try registerChecker("A") { _, _, _ in .user(alice) }
        #expect(try await registry.checkAuth(username: "al", loginType: "x.other", submission: [:])?.user == nil)
        #expect(test.timings.value.isEmpty)
    }

    @Test func `a missing field is refused before any module is asked`() async throws {
        try registerChecker("A", "x.pin", ["pin", "code", "salt"]) { _, _, _ in .user(alice) }
        await #expect(
            throws: MatrixError(
                status: 400, code: .unknown, message: "Missing parameters for login type x.pin: ['pin', 'salt']")
        ) { try await registry.checkAuth(username: "al", loginType: "x.pin", submission: ["code": 1]) }
        #expect(test.timings.value.isEmpty)
    }

    @Test func `the module may change the answer to the login`() async throws {
        try registerChecker("A") { _, _, _ in .user(alice) { $0["well_known"] = [:] } }
        let found = try #require(
            try await registry.checkAuth(username: "al", loginType: "x.pin", submission: ["pin": 1]))
        #expect(try await found.complete(["user_id": "@alice:test"]) == ["user_id": "@alice:test", "well_known": [:]])
        #expect(test.timings.value.map(\.callback) == [.authChecker, .loginCallback])
    }

    @Test func `a module that fails as it hears of its login fails that`() async throws {
        try registerChecker("A") { username, _, _ in
            .user(alice) { _ in
                if username == "al" { throw Broken() } else { throw MatrixError.forbidden("not today") }
            }
        }
        for (name, error) in [("al", MatrixError.internalError), ("bo", .forbidden("not today"))] {
            let found = try #require(
                try await registry.checkAuth(username: name, loginType: "x.pin", submission: ["pin": 1]))
            await #expect(throws: error) { try await found.complete([:]) }
        }
    }

    @Test func `third-party identifiers are recognized by the first module that knows them`() async throws {
        try registry.register(PasswordAuthProvider(checkThreepidAuth: { _, _ in throw Broken() }), of: "A")
        try registry.register(
            PasswordAuthProvider(checkThreepidAuth: { threepid, password in
                threepid.address == "a@b" && password == "p" ? .user(alice) : .unknown
            }), of: "B")
        #expect(try await registry.checkThreepidAuth(email, password: "p")?.user == alice)
        #expect(try await registry.checkThreepidAuth(email, password: "q")?.user == nil)
    }

    @Test func `everybody is told of a token's end, whatever the others throw`() async throws {
        for name in ["A", "B"] {
            try registry.register(
                PasswordAuthProvider(onLoggedOut: { [notes] user, device, token in
                    notes.add("\(name) \(user) \(device?.string ?? "-") \(token)")
                    throw Broken()
                }), of: name)
        }
        await registry.onLoggedOut(user: alice, device: nil, accessToken: "t")
        #expect(notes.all == ["A @alice:test - t", "B @alice:test - t"])
        #expect(test.log.all.allSatisfy { $0.hasPrefix("warning: ") && !$0.contains("t \(alice)") })
    }

    @Test(
        arguments: [
            (
                .requestToken(isRegistration: true), true,
                "Your email domain is not authorized to register on this server"
            ),
            (.requestToken(isRegistration: false), true, "Your email domain is not authorized on this server"),
            (.requestToken(isRegistration: true), false, "Phone numbers are not authorized to register on this server"),
            (.requestToken(isRegistration: false), false, "Account phone numbers are not authorized on this server"),
            (
                .registration, true,
                "Third party identifiers (email/phone numbers) are not authorized on this server"
            ),
        ] as [(ThreepidUse, Bool, String)])
    func `a refused identifier is refused in words for its use`(
        use: ThreepidUse, isEmail: Bool, text: String
    ) async throws {
        try registry.register(PasswordAuthProvider(isThreepidAllowed: { _, _ in .allow }), of: "A")
        try registry.register(
            PasswordAuthProvider(isThreepidAllowed: { [notes] _, isRegistration in
                notes.add("\(isRegistration)")
                return .deny
            }), of: "B")
        await #expect(throws: MatrixError(status: 403, code: .threepidDenied, message: text)) {
            try await registry.isThreepidAllowed(isEmail ? email : number, for: use)
        }
        #expect(notes.all == [use == .requestToken(isRegistration: false) ? "false" : "true"])
    }

    @Test func `any error of those asked at registrations is 500`() async throws {
        let error = MatrixError(status: 500, code: .unknown, message: "Internal Server Error")
        try registry.register(
            PasswordAuthProvider(
                isThreepidAllowed: { _, _ in throw MatrixError.forbidden("no") },
                getUsernameForRegistration: { _, _ in throw Broken() },
                getDisplayNameForRegistration: { _, _ in throw MatrixError.forbidden("no") }), of: "A")
        await #expect(throws: error) { try await registry.isThreepidAllowed(email, for: .registration) }
        await #expect(throws: error) { try await registry.getUsernameForRegistration(stages: [:], parameters: [:]) }
        await #expect(throws: error) {
            try await registry.getDisplayNameForRegistration(stages: [:], parameters: [:])
        }
    }

    @Test func `the first module that chooses a name decides`() async throws {
        #expect(try await registry.getUsernameForRegistration(stages: [:], parameters: [:]) == nil)
        for (module, name) in [("A", nil), ("B", "Rin-Foo"), ("C", "other")] as [(String, String?)] {
            try registry.register(
                PasswordAuthProvider(
                    getUsernameForRegistration: { _, _ in name }, getDisplayNameForRegistration: { _, _ in name }),
                of: module)
        }
        #expect(try await registry.getUsernameForRegistration(stages: [:], parameters: [:]) == "rin-foo")
        #expect(try await registry.getDisplayNameForRegistration(stages: [:], parameters: [:]) == "Rin-Foo")
    }
}
