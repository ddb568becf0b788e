import Homeserver
import MatrixCore
import SQLEngine
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct AccessTokenTests {
    @Test(arguments: Engine.available)
    func `a token stands for its user and device`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let account = try await server.register("alice", device: DeviceRequest(id: "PHONE"))
            let requester = try await server.requester(try #require(account.login).accessToken)
            #expect(requester.user.string == "@alice:example.org")
            #expect(requester.device == "PHONE")
            #expect(!requester.isGuest && !requester.isAdmin && !requester.isShadowBanned)
        }
    }

    @Test(arguments: Engine.available)
    func `an unknown token is refused`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            for token in ["", "nope", "axt_\0"] {
                let error = try await errorOfRefusal { _ = try await server.requester(token) }
                #expect(error.status == 401)
                #expect(error.code == .unknownToken)
                #expect(error.fields["soft_logout"] == false)
            }
        }
    }

    @Test func `a token in use is answered without the database`() async throws {
        try await withTemporaryDatabase(.sqlite) { database in
            try await migrate(database, Schema.migrations)
            let counted = CountingDatabase(database)
            let server = try await AccountServer(counted)
            let token = try #require(try await server.register("alice").login).accessToken
            _ = try await server.requester(token)
            let reads = counted.reads
            for _ in 0..<100 { _ = try await server.requester(token) }
            #expect(counted.reads == reads)
        }
    }

    @Test func `a token in storage is its hash only`() async throws {
        try await withAccounts(.sqlite) { server in
            let token = try #require(try await server.register("alice").login).accessToken
            let hashes = try await server.database.read { transaction in
                try transaction.all("SELECT hash FROM access_tokens") { $0.blob(0) }
            }
            #expect(hashes.map(\.count) == [32])
            #expect(!hashes.contains(Array(token.utf8)))
        }
    }

    @Test(arguments: Engine.available)
    func `an expired token asks for a soft logout`(engine: Engine) async throws {
        try await withAccounts(engine, configure: { $0.accessTokenLifetime = .seconds(60) }) { server in
            let login = try #require(try await server.register("alice").login)
            #expect(login.object["expires_in_ms"] == 60_000)
            _ = try await server.requester(login.accessToken)
            server.time.advance(by: .seconds(61))
            let error = try await errorOfRefusal { _ = try await server.requester(login.accessToken) }
            #expect(error.code == .unknownToken)
            #expect(error.message == "Access token has expired")
            #expect(error.fields["soft_logout"] == true)
        }
    }

    @Test(arguments: Engine.available)
    func `a token ends with its device, with logout everywhere and with the account`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let first = try #require(try await server.register("alice").login)
            let second = try await server.logIn("alice")
            let third = try await server.logIn("alice")
            let other = try #require(try await server.register("bob").login)
            let requester = try await server.requester(first.accessToken)
            for token in [second.accessToken, third.accessToken, other.accessToken] {
                _ = try await server.requester(token)
            }

            try await server.devices.delete([second.device], of: requester)
            #expect(try await errorOfRefusal { _ = try await server.requester(second.accessToken) }.status == 401)
            _ = try await server.requester(third.accessToken)

            try await server.devices.logOut(requester)
            #expect(try await errorOfRefusal { _ = try await server.requester(first.accessToken) }.status == 401)
            _ = try await server.requester(third.accessToken)

            try await server.devices.logOutEverywhere(try await server.requester(third.accessToken))
            #expect(try await errorOfRefusal { _ = try await server.requester(third.accessToken) }.status == 401)

            let bob = try await server.requester(other.accessToken)
            try await server.deactivate(bob)
            #expect(try await errorOfRefusal { _ = try await server.requester(other.accessToken) }.status == 401)
        }
    }

    @Test(arguments: Engine.available)
    func `a locked user is told so`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let account = try await server.register("alice", device: nil)
            let login = try await server.logIn("alice")
            let user = account.user
            try await server.database.write { transaction in
                let account = try #require(try transaction.accounts.account(of: user))
                try transaction.accounts.setLocked(true, of: account.number)
            }
            let error = try await errorOfRefusal { _ = try await server.requester(login.accessToken) }
            #expect(error.status == 401)
            #expect(error.code == .userLocked)
            #expect(error.fields["soft_logout"] == true)
        }
    }

    @Test(arguments: Engine.available)
    func `where a device was last seen shows at once and is written in batches`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let login = try #require(try await server.register("alice", device: DeviceRequest(id: "PHONE")).login)
            let requester = try await server.requester(login.accessToken, from: "192.0.2.7")
            let seen = try await server.devices.device("PHONE", of: requester)
            #expect(seen.lastSeenAddress == "192.0.2.7")
            #expect(seen.lastSeenAt == server.time.now)
            let account = requester.accountNumber
            let stored = { @Sendable () async throws in
                try await server.database.read { try $0.devices.device("PHONE", of: account)?.lastSeen }
            }
            #expect(try await stored() == nil)
            try await server.lastSeen.flush()
            let first = server.time.now
            #expect(try await stored() == DeviceSighting(at: first, address: "192.0.2.7", userAgent: "test"))

            server.time.advance(by: .seconds(60))
            _ = try await server.requester(login.accessToken, from: "192.0.2.7")
            try await server.lastSeen.flush()
            #expect(try await stored()?.at == first)

            server.time.advance(by: .seconds(61))
            _ = try await server.requester(login.accessToken, from: "192.0.2.7")
            try await server.lastSeen.flush()
            #expect(try await stored()?.at == server.time.now)

            _ = try await server.requester(login.accessToken, from: "192.0.2.8")
            try await server.lastSeen.flush()
            #expect(try await stored()?.address == "192.0.2.8")
        }
    }
}

/// A database that counts what is read.
private final class CountingDatabase: Database {
    private let base: any Database
    private let count = Mutex(0)

    init(_ base: any Database) { self.base = base }

    var reads: Int { count.withLock { $0 } }
    var engine: Engine { base.engine }

    func read<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value {
        count.withLock { $0 += 1 }
        return try await base.read(body)
    }
    func write<Value: Sendable>(_ body: @Sendable (Transaction) throws -> Value) async throws -> Value {
        try await base.write(body)
    }
    func close() async throws {}
}
