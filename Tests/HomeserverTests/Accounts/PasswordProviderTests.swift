import Homeserver
import MatrixCore
import ModuleAPI
import SQLEngine
import TestSupport
import Testing

/// Modules that let users in: section F of the acceptance list.
@Suite struct PasswordProviderTests {
    private let password = "m.login.password"
    private let custom = "test.login_type"

    private func types(_ server: AccountServer) -> [String] { server.logins.flows.compactMap { $0.string("type") } }

    /// A module that knows `u` by the password or test field `y`, and notes what it is asked.
    private func provider(
        _ types: [(String, String)], _ asked: Notes, user: UserID = UserID(trusted: "@u:example.org"),
        onLogin: AuthAnswer.LoginCallback? = nil
    ) -> PasswordAuthProvider {
        PasswordAuthProvider(
            authCheckers: types.map { type, field in
                AuthChecker(loginType: type, fields: [field]) { username, type, fields in
                    asked.add("\(username) \(type) \(String(decoding: fields.encoded(), as: UTF8.self))")
                    return fields.string(field) == "y" ? .user(user, onLogin: onLogin) : .unknown
                }
            })
    }

    private func submission(_ type: String, _ name: String = "u", _ field: String? = nil, _ value: String = "y")
        -> JSONObject
    {
        var body: JSONObject = ["type": .string(type), "identifier": ["type": "m.id.user", "user": .string(name)]]
        if let field { body[field] = .string(value) }
        return body
    }

    private func deletion(_ requester: Requester, _ auth: JSONObject? = nil) -> InteractiveOperation {
        InteractiveOperation(
            method: "DELETE", uri: "/devices/x", body: auth.map { ["auth": .object($0)] } ?? [:], requester: requester)
    }

    private func check(
        _ server: AccountServer, _ operation: InteractiveOperation
    ) async throws -> InteractiveAuthOutcome {
        try await server.interactiveAuth.check(operation, flows: server.interactiveAuth.flowsForUsers)
    }

    @Test func `without modules there are passwords, and application services as in Synapse`() async throws {
        try await withAccounts(.sqlite) { server in
            #expect(types(server) == [password, "m.login.application_service"])
            let error = try await errorOfRefusal { _ = try await server.logIn(["type": "m.login.application_service"]) }
            #expect(error.status == 401)
            let unknown = try await errorOfRefusal { _ = try await server.logIn(submission("org.example.none")) }
            #expect(unknown == MatrixError(status: 400, code: .unknown, message: "Unknown login type org.example.none"))
        }
    }

    @Test func `F3 passwords kept here count after the module's, unless switched off`() async throws {
        for checksOwn in [true, false] {
            try await withAccounts(.sqlite, configure: { $0.checksOwnPasswords = checksOwn }) { server in
                try await server.register("u", device: nil)
                let asked = Notes()
                try server.modules.register(provider([(password, "password")], asked), of: "m")
                #expect(types(server) == [password, "m.login.application_service"])
                #expect(server.interactiveAuth.flowsForUsers == [[password]])
                _ = try await server.logIn("u", "y")
                if checksOwn {
                    _ = try await server.logIn("u", "correct horse")
                } else {
                    let error = try await errorOfRefusal { _ = try await server.logIn("u", "correct horse") }
                    #expect(error == .forbidden("Invalid username or password"))
                }
                #expect(asked.all.count == 2)
            }
        }
    }

    @Test func `F4 and F8 passwords that are switched off are so for modules, too`() async throws {
        try await withAccounts(.sqlite, configure: { $0.passwordUse = .nothing }) { server in
            let user = try await server.newUser("u")
            let asked = Notes()
            try server.modules.register(provider([(password, "password"), (custom, "test_field")], asked), of: "m")
            #expect(types(server) == [custom, "m.login.application_service"])
            #expect(server.interactiveAuth.flowsForUsers == [[custom]])
            let disabled = MatrixError(status: 400, code: .unknown, message: "Password login has been disabled.")
            #expect(try await errorOfRefusal { _ = try await server.logIn("u", "y") } == disabled)
            let auth = submission(password, "u", "password")
            #expect(try await errorOfRefusal { _ = try await check(server, deletion(user, auth)) } == disabled)
            #expect(asked.all == [])
            let outcome = try await check(server, deletion(user, submission(custom, "u", "test_field")))
            guard case .authenticated = outcome else { throw NotRefused() }
        }
    }

    @Test func `F9 without passwords of its own the server offers only the module's type`() async throws {
        try await withAccounts(.sqlite, configure: { $0.checksOwnPasswords = false }) { server in
            try server.modules.register(provider([(custom, "test_field")], Notes()), of: "m")
            #expect(types(server) == [custom, "m.login.application_service"])
            #expect(try await errorOfRefusal { _ = try await server.logIn("u", "y") }.status == 400)
        }
    }

    @Test func `passwords may be only for confirming what one does`() async throws {
        try await withAccounts(.sqlite, configure: { $0.passwordUse = .confirmationOnly }) { server in
            #expect(types(server) == ["m.login.application_service"])
            #expect(server.interactiveAuth.flowsForUsers == [[password]])
        }
    }

    @Test func `F5 a module's type is offered after passwords, and asked only about complete logins`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("u", device: nil)
            let asked = Notes()
            try server.modules.register(provider([(custom, "test_field")], asked), of: "m")
            #expect(types(server) == [password, custom, "m.login.application_service"])
            let missing = try await errorOfRefusal { _ = try await server.logIn(submission(custom)) }
            #expect(missing.status == 400)
            #expect(missing.message == "Missing parameters for login type test.login_type: ['test_field']")
            #expect(asked.all == [])
            let answer = try await server.logIn(submission(custom, "u", "test_field"))
            #expect(answer["user_id"] == "@u:example.org")
            #expect(asked.all == [#"u test.login_type {"test_field":"y"}"#])
            let wrong = try await errorOfRefusal {
                _ = try await server.logIn(submission(custom, "u", "test_field", "n"))
            }
            #expect(wrong == .forbidden("Invalid username or password"))
        }
    }

    @Test func `F2 and F6 stages of interactive authentication are put to modules`() async throws {
        try await withAccounts(.sqlite) { server in
            let user = try await server.newUser("localuser")
            let asked = Notes()
            try server.modules.register(
                provider([(custom, "test_field"), (password, "password")], asked, user: user.user), of: "m")
            guard case .required(let first, session: _) = try await check(server, deletion(user)) else {
                throw NotRefused()
            }
            #expect(first["flows"] == [["stages": ["m.login.password"]], ["stages": ["test.login_type"]]])
            #expect(asked.all == [])
            let missing = try await errorOfRefusal {
                _ = try await check(server, deletion(user, submission(custom, "localuser")))
            }
            #expect(missing.status == 400 && missing.message.contains("Missing parameters"))

            let wrong = try await check(server, deletion(user, submission(password, "localuser", "password", "n")))
            guard case .required(let refused, session: _) = wrong else { throw NotRefused() }
            #expect(refused["errcode"] == "M_FORBIDDEN")

            let other = try await server.newUser("other")
            let foreign = submission(custom, "localuser", "test_field")
            #expect(
                try await errorOfRefusal { _ = try await check(server, deletion(other, foreign)) }.code == .forbidden)

            let outcome = try await check(server, deletion(user, submission(custom, "localuser", "test_field")))
            guard case .authenticated = outcome else { throw NotRefused() }
            #expect(asked.all.last?.hasPrefix("localuser test.login_type") == true)
        }
    }

    @Test func `F7 a module sees and edits the answer to the login`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("u", device: nil)
            let seen = Notes()
            let edit: AuthAnswer.LoginCallback = { response in
                seen.add(response.keys.sorted().joined(separator: " "))
                response["org.example"] = true
            }
            try server.modules.register(provider([(custom, "test_field")], Notes(), onLogin: edit), of: "m")
            let answer = try await server.logIn(submission(custom, "u", "test_field"))
            #expect(answer["org.example"] == true)
            #expect(seen.all == ["access_token device_id home_server user_id"])
        }
    }

    @Test func `F10 and F11 modules are asked in order until one recognizes the user`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("u", device: nil)
            let asked = Notes()
            let checker = { (name: String, answer: @escaping @Sendable () throws -> AuthAnswer) in
                PasswordAuthProvider(authCheckers: [
                    AuthChecker(loginType: "test.login_type", fields: ["test_field"]) { _, _, _ in
                        asked.add(name)
                        return try answer()
                    }
                ])
            }
            try server.modules.register(checker("broken") { throw Broken() }, of: "broken")
            try server.modules.register(checker("unknown") { .unknown }, of: "unknown")
            try server.modules.register(checker("known") { .user(UserID(trusted: "@u:example.org")) }, of: "known")
            try server.modules.register(checker("late") { .unknown }, of: "late")
            _ = try await server.logIn(submission(custom, "u", "test_field"))
            #expect(asked.all == ["broken", "unknown", "known"])
        }
    }

    @Test func `addresses are put to modules before the server's own list`() async throws {
        try await withAccounts(.sqlite) { server in
            try await server.register("u", device: nil)
            var new = NewRegistration(localpart: "mail")
            new.passwordHash = try await server.accounts.hash(newPassword: "correct horse")
            new.emails = ["mail@example.org"]
            _ = try await server.accounts.register(new)
            let asked = Notes()
            try server.modules.register(
                PasswordAuthProvider(checkThreepidAuth: { threepid, password in
                    asked.add("\(threepid.medium) \(threepid.address) \(password)")
                    return password == "y" ? .user(UserID(trusted: "@u:example.org")) : .unknown
                }), of: "m")
            let login = { (address: String, password: String) in
                try await server.logIn([
                    "type": "m.login.password", "password": .string(password),
                    "identifier": ["type": "m.id.thirdparty", "medium": "email", "address": .string(address)],
                ])["user_id"]
            }
            #expect(try await login("U@Example.org", "y") == "@u:example.org")
            #expect(try await login("Mail@example.org", "correct horse") == "@mail:example.org")
            let error = try await errorOfRefusal { _ = try await login("no@example.org", "correct horse") }
            #expect(error == .forbidden("Invalid username or password"))
            #expect(asked.all.first == "email u@example.org y")
        }
    }

    @Test func `a user whom only the module knows is refused until the module registers them`() async throws {
        try await withAccounts(.sqlite) { server in
            let users = server.usersForModules
            let registers = Mutexed(false)
            try server.modules.register(
                PasswordAuthProvider(authCheckers: [
                    AuthChecker(loginType: "m.login.password", fields: ["password"]) { name, _, _ in
                        if registers.value { return .user(try await users.register(NewUser(localpart: name))) }
                        return .user(UserID(trusted: "@\(name):example.org"))
                    }
                ]), of: "m")
            #expect(try await errorOfRefusal { _ = try await server.logIn("new", "y") }.status == 404)
            registers.update { $0 = true }
            #expect(try await server.logIn("new", "y").user.string == "@new:example.org")
        }
    }
}
