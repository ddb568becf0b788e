import Homeserver
import MatrixCore
import SQLEngine
import TestSupport
import Testing

@Suite struct SharedSecretTests {
    private func body(
        _ nonce: String, _ username: String = "boss", admin: Bool = false, secret: String = "secret"
    ) -> JSONObject {
        let mac = SharedSecretRegistration.mac(
            of: [nonce, username, "pass", admin ? "admin" : "notadmin"], secret: secret)
        return [
            "nonce": .string(nonce), "username": .string(username), "password": "pass", "admin": .bool(admin),
            "mac": .string(mac),
        ]
    }

    @Test func `the HMAC is that of openssl`() {
        // printf 'thisisanonce\0pepper_roni\0pizza\0admin' | openssl sha1 -hmac shared_secret
        let mac = SharedSecretRegistration.mac(
            of: ["thisisanonce", "pepper_roni", "pizza", "admin"], secret: "shared_secret")
        #expect(mac == "48715842ad67d5dc9a9ee938a3bda4fcfae8d7c7")
    }

    @Test(arguments: Engine.available)
    func `an administrator is made with the secret`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let account = try await server.sharedSecret.register(
                body(try server.sharedSecret.newNonce(), "Boss", admin: true))
            #expect(account.user.string == "@boss:example.org")
            #expect(try await server.requester(try #require(account.login).accessToken).isAdmin)
            _ = try await server.logIn("boss", "pass")
            let again = try await errorOfRefusal {
                _ = try await server.sharedSecret.register(body(try server.sharedSecret.newNonce(), "boss"))
            }
            #expect(again.code == .userInUse)
        }
    }

    @Test func `a nonce is good once and for a minute`() async throws {
        try await withAccounts(.sqlite) { server in
            let used = try server.sharedSecret.newNonce()
            _ = try await server.sharedSecret.register(body(used, "a"))
            let late = try server.sharedSecret.newNonce()
            server.time.advance(by: .seconds(61))
            for nonce in [used, late, "nope"] {
                let error = try await errorOfRefusal { _ = try await server.sharedSecret.register(body(nonce, "b")) }
                #expect(error == MatrixError(status: 400, code: .unknown, message: "unrecognised nonce"))
            }
        }
    }

    @Test func `a wrong HMAC is refused and uses up the nonce`() async throws {
        try await withAccounts(.sqlite) { server in
            let nonce = try server.sharedSecret.newNonce()
            let wrong = try await errorOfRefusal {
                _ = try await server.sharedSecret.register(body(nonce, secret: "guess"))
            }
            #expect(wrong == MatrixError(status: 403, code: .unknown, message: "HMAC incorrect"))
            let again = try await errorOfRefusal { _ = try await server.sharedSecret.register(body(nonce)) }
            #expect(again.message == "unrecognised nonce")
        }
    }

    @Test(
        arguments: [
            ("nonce", nil, "nonce must be specified"), ("username", nil, "username must be specified"),
            ("username", 5, "Invalid username"), ("username", "a\0", "Invalid username"),
            ("password", nil, "password must be specified"), ("password", 5, "Invalid password"),
            ("user_type", "zz", "Invalid user type"), ("mac", nil, "mac must be specified"),
        ] as [(String, JSON?, String)])
    func `what is missing or wrong is named`(key: String, value: JSON?, message: String) async throws {
        try await withAccounts(.sqlite) { server in
            var body = body(try server.sharedSecret.newNonce())
            body[key] = value
            let request = body
            let error = try await errorOfRefusal { _ = try await server.sharedSecret.register(request) }
            #expect(error.status == 400)
            #expect(error.message == message)
        }
    }

    @Test func `without a secret there is no such registration`() async throws {
        try await withAccounts(.sqlite, configure: { $0.registrationSharedSecret = nil }) { server in
            let error = try await errorOfRefusal { _ = try server.sharedSecret.newNonce() }
            #expect(error.message == "Shared secret registration is not enabled")
        }
    }
}
