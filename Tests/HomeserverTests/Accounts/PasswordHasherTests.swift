import Homeserver
import MatrixCore
import Testing

@Suite struct PasswordHasherTests {
    private let hasher = PasswordHasher(rounds: 4)

    @Test func `a hash admits its password only`() async throws {
        let hash = try await hasher.hash("correct horse")
        #expect(hash.hasPrefix("$2b$04$"))
        #expect(hash.utf8.count == 60)
        #expect(try await hasher.verify("correct horse", against: hash))
        #expect(try await !hasher.verify("correct hors", against: hash))
        #expect(try await !hasher.verify("correct horse", against: nil))
        #expect(try await hasher.hash("correct horse") != hash)
    }

    @Test func `hashes made by others are understood`() async throws {
        // From the test vectors of the bcrypt implementations of OpenBSD and of Python.
        let vectors = [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("Kk4DQuMMfZL9o", "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm"),
        ]
        for (password, hash) in vectors {
            #expect(try await hasher.verify(password, against: hash))
            #expect(try await !hasher.verify(password + "x", against: hash))
        }
    }

    @Test func `the pepper is part of the password`() async throws {
        let peppered = PasswordHasher(rounds: 4, pepper: "pepper")
        let hash = try await peppered.hash("secret")
        #expect(try await peppered.verify("secret", against: hash))
        #expect(try await !hasher.verify("secret", against: hash))
        #expect(try await hasher.verify("secretpepper", against: hash))
    }

    @Test func `however it was typed, the same text is the same password`() async throws {
        let hash = try await hasher.hash("caf\u{e9} \u{fb01}")
        #expect(try await hasher.verify("cafe\u{301} fi", against: hash))
    }

    @Test func `a NUL does not end the password early`() async throws {
        let hash = try await hasher.hash("secret")
        #expect(try await !hasher.verify("secret\0x", against: hash))
        await #expect(throws: MatrixError.self) { try await hasher.hash("a\0b") }
    }

    @Test func `malformed hashes admit nobody`() async throws {
        for hash in ["", "*0", "*", "$2b$", "$2b$04$short", "$9$x"] {
            #expect(try await !hasher.verify("", against: hash))
        }
    }

    @Test func `beyond the queue's limit passwords are refused`() async throws {
        let hasher = PasswordHasher(rounds: 6, threads: 1, queueLimit: 2)
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { (try? await hasher.hash("x")) == nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused > 0)
        #expect(refused < 20)
    }

    @Test func `each rule of a policy has its code`() async throws {
        var policy = PasswordPolicy()
        try policy.validate("x")
        policy.isEnabled = true
        policy.minimumLength = 8
        policy.requiresDigit = true
        policy.requiresSymbol = true
        policy.requiresUppercase = true
        policy.requiresLowercase = true
        let expected = [
            "short": "M_PASSWORD_TOO_SHORT", "longenough": "M_PASSWORD_NO_DIGIT",
            "longenough1": "M_PASSWORD_NO_SYMBOL", "longenough1!": "M_PASSWORD_NO_UPPERCASE",
            "LONGENOUGH1!": "M_PASSWORD_NO_LOWERCASE",
        ]
        for (password, code) in expected {
            let error = try await errorOfRefusal { try policy.validate(password) }
            #expect(error.code.string == code)
            #expect(error.status == 400)
        }
        try policy.validate("Longenough1!")
    }
}
