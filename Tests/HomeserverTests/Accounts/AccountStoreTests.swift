import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct AccountStoreTests {
    private let user = UserID(trusted: "@alice:example.org")
    private let time = Timestamp(milliseconds: 5)

    private func withStore(_ engine: Engine, _ body: (any Database) async throws -> Void) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await migrate(database, Schema.migrations)
            try await body(database)
        }
    }

    @Test(arguments: Engine.available)
    func `an account is read back as it was stored`(engine: Engine) async throws {
        try await withStore(engine) { database in
            var new = NewAccount(user: user, createdAt: time)
            new.passwordHash = "hash"
            new.isAdmin = true
            new.userType = "bot"
            let (stored, time) = (new, time)
            let number = try await database.write { try $0.accounts.insert(stored)?.number }
            let account = try #require(try await database.read { try $0.accounts.account(of: stored.user) })
            #expect(account.number == number)
            #expect(account.passwordHash == "hash")
            #expect(account.isAdmin && !account.isGuest && !account.isDeactivated && !account.isLocked)
            #expect(account.userType == "bot")
            #expect(account.createdAt == time)
            #expect(try await database.write { try $0.accounts.insert(stored) } == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `accounts are found whatever their ASCII case`(engine: Engine) async throws {
        try await withStore(engine) { database in
            let time = time
            let found = try await database.write { transaction in
                for name in ["@Alice:example.org", "@ALICE:example.org", "@bob:example.org"] {
                    _ = try transaction.accounts.insert(NewAccount(user: UserID(trusted: name), createdAt: time))
                }
                return try transaction.accounts.accounts(ignoringCaseOf: UserID(trusted: "@alice:example.org"))
            }
            #expect(found.map(\.user.string) == ["@Alice:example.org", "@ALICE:example.org"])
            #expect(try await database.read { try $0.accounts.isTaken(UserID(trusted: "@BOB:example.org")) })
        }
    }

    @Test(arguments: Engine.available)
    func `a session keeps its stages in the order they were completed`(engine: Engine) async throws {
        try await withStore(engine) { database in
            let session = InteractiveAuthSession(
                id: "s", createdAt: time, method: "POST", uri: "/register", body: ["username": "a"])
            let read = try await database.write { transaction in
                try transaction.interactiveAuth.insert(session)
                try transaction.interactiveAuth.complete(
                    "m.login.z", result: "who", of: "s", at: Timestamp(milliseconds: 1))
                try transaction.interactiveAuth.complete(
                    "m.login.a", result: true, of: "s", at: Timestamp(milliseconds: 2))
                return try transaction.interactiveAuth.session("s")
            }
            #expect(read?.completed.map(\.key) == ["m.login.z", "m.login.a"])
            #expect(read?.completed["m.login.z"] == "who")
            #expect(read?.body == ["username": "a"])
            try await database.write { try $0.interactiveAuth.delete("s") }
            #expect(try await database.read { try $0.interactiveAuth.session("s") } == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `overrides of rate limits are set, changed and removed`(engine: Engine) async throws {
        try await withStore(engine) { database in
            let new = NewAccount(user: user, createdAt: time)
            try await database.write { transaction in
                let number = try #require(try transaction.accounts.insert(new)).number
                let overrides = transaction.rateLimitOverrides
                try overrides.set(RateLimitOverride(messagesPerSecond: 1, burstCount: 2), of: number)
                try overrides.set(RateLimitOverride(messagesPerSecond: 3, burstCount: 4), of: number)
                #expect(try overrides.all() == [new.user: RateLimitOverride(messagesPerSecond: 3, burstCount: 4)])
                try overrides.set(nil, of: number)
                #expect(try overrides.all().isEmpty)
            }
        }
    }
}
