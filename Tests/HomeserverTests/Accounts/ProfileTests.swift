import Homeserver
import MatrixCore
import SQLEngine
import Synchronization
import TestSupport
import Testing

@Suite struct ProfileTests {
    private final class Observer: ProfileObserver {
        let changes = Mutex<[String]>([])
        func profileChanged(user: UserID, displayName: String?, avatarURL: String?, requester: Requester) async {
            changes.withLock { $0.append("\(user) \(displayName ?? "-") \(avatarURL ?? "-")") }
        }
    }

    private func withProfiles(
        _ engine: Engine = .sqlite, configure: (inout ProfileSettings) -> Void = { _ in },
        _ body: (AccountServer, ProfileService, Observer) async throws -> Void
    ) async throws {
        try await withAccounts(engine) { server in
            var settings = ProfileSettings(serverName: ServerName(trusted: "example.org"))
            configure(&settings)
            let observer = Observer()
            try await body(
                server,
                ProfileService(
                    database: server.database, settings: settings, modules: server.modules, observer: observer),
                observer)
        }
    }

    @Test(arguments: Engine.available)
    func `name and avatar are set, told to the observer and cleared`(engine: Engine) async throws {
        try await withProfiles(engine) { server, profiles, observer in
            let alice = try await server.newUser("alice")
            #expect(try await profiles.profile(of: alice.user, for: nil) == ["displayname": "alice"])
            #expect(try await profiles.field("avatar_url", of: alice.user, for: nil) == nil)
            try await profiles.setField("displayname", to: "Alice \u{1F980}", of: alice.user, by: alice)
            try await profiles.setField("displayname", to: "Alice \u{1F980}", of: alice.user, by: alice)
            try await profiles.setField("avatar_url", to: "mxc://example.org/a", of: alice.user, by: alice)
            #expect(try await profiles.field("displayname", of: alice.user, for: nil) == "Alice \u{1F980}")
            try await profiles.setField("displayname", to: "", of: alice.user, by: alice)
            try await profiles.setField("avatar_url", to: nil, of: alice.user, by: alice)
            #expect(
                observer.changes.withLock { $0 } == [
                    "@alice:example.org Alice \u{1F980} -", "@alice:example.org Alice \u{1F980} mxc://example.org/a",
                    "@alice:example.org - mxc://example.org/a", "@alice:example.org - -",
                ])
            let error = try await errorOfRefusal { _ = try await profiles.profile(of: alice.user, for: nil) }
            #expect(error == .notFound("Profile was not found"))
        }
    }

    @Test(arguments: Engine.available)
    func `other fields keep any JSON`(engine: Engine) async throws {
        try await withProfiles(engine) { server, profiles, observer in
            let alice = try await server.newUser("alice")
            let value: JSON = ["a": [1, .double(2.5), nil], "nul": "\0"]
            try await profiles.setField("org.example.x", to: value, of: alice.user, by: alice)
            try await profiles.setField("m.tz", to: "Europe/London", of: alice.user, by: alice)
            #expect(try await profiles.field("org.example.x", of: alice.user, for: nil) == value)
            try await profiles.setField("m.tz", to: nil, of: alice.user, by: alice)
            #expect(
                try await errorOfRefusal { _ = try await profiles.field("m.tz", of: alice.user, for: nil) }.status
                    == 404)
            #expect(observer.changes.withLock { $0 }.isEmpty)
        }
    }

    @Test(
        arguments: [
            ("displayname", 5 as JSON, "M_INVALID_PARAM"), ("displayname", nil, "M_INVALID_PARAM"),
            ("displayname", .string(String(repeating: "a", count: 257)), "M_UNKNOWN"),
            ("displayname", "a\0b", "M_INVALID_PARAM"),
            ("avatar_url", .string(String(repeating: "a", count: 1001)), "M_UNKNOWN"),
            ("Foo", 1, "M_INVALID_PARAM"), ("a\u{e9}", 1, "M_INVALID_PARAM"),
            ("a" + String(repeating: "b", count: 255), 1, "M_KEY_TOO_LARGE"),
            ("org.big", .string(String(repeating: "x", count: 65_536)), "M_PROFILE_TOO_LARGE"),
        ])
    func `values and keys out of bounds are refused`(key: String, value: JSON, code: String) async throws {
        try await withProfiles { server, profiles, _ in
            let alice = try await server.newUser("alice")
            let error = try await errorOfRefusal {
                try await profiles.setField(key, to: value, of: alice.user, by: alice)
            }
            #expect(error.status == 400)
            #expect(error.code.string == code)
        }
    }

    @Test func `another's profile is for administrators`() async throws {
        try await withProfiles { server, profiles, _ in
            let alice = try await server.newUser("alice")
            let bob = try await server.newUser("bob")
            let error = try await errorOfRefusal {
                try await profiles.setField("displayname", to: "x", of: bob.user, by: alice)
            }
            #expect(error.status == 400)
            #expect(error.code == .forbidden)
            let admin = Requester(
                user: alice.user, device: nil, accountNumber: alice.accountNumber, isAdmin: true)
            try await profiles.setField("displayname", to: "x", of: bob.user, by: admin)
            #expect(try await profiles.field("displayname", of: bob.user, for: nil) == "x")
            let remote = UserID(trusted: "@c:other.org")
            let foreign = try await errorOfRefusal {
                try await profiles.setField("displayname", to: "x", of: remote, by: admin)
            }
            #expect(foreign.message == "User is not hosted on this homeserver")
            let nobody = UserID(trusted: "@nobody:example.org")
            #expect(
                try await errorOfRefusal { try await profiles.setField("displayname", to: "x", of: nobody, by: admin) }
                    .status
                    == 404)
        }
    }

    @Test func `where users may not change their name, they may set it once`() async throws {
        try await withProfiles(configure: {
            $0.allowsDisplayNameChanges = false
            $0.allowsAvatarChanges = false
        }) { server, profiles, _ in
            let alice = try await server.newUser("alice")
            let error = try await errorOfRefusal {
                try await profiles.setField("displayname", to: "x", of: alice.user, by: alice)
            }
            #expect(error == .forbidden("Changing display name is disabled on this server"))
            try await profiles.setField("avatar_url", to: "mxc://a/b", of: alice.user, by: alice)
            #expect(
                try await errorOfRefusal {
                    try await profiles.setField("avatar_url", to: "mxc://a/c", of: alice.user, by: alice)
                }.status == 403)
        }
    }

    @Test func `profiles can be kept for those who share a room`() async throws {
        let friendsOnly = { @Sendable (settings: inout ProfileSettings) in
            settings.limitsToSharedRooms = true
            settings.sharesRoom = { _, other in other.localpart == "friend" }
        }
        try await withProfiles(configure: friendsOnly) { server, profiles, _ in
            let alice = try await server.newUser("alice")
            let friend = try await server.newUser("friend").user
            let stranger = try await server.newUser("stranger").user
            #expect(try await profiles.profile(of: alice.user, for: alice) == ["displayname": "alice"])
            #expect(try await profiles.profile(of: friend, for: alice) == ["displayname": "friend"])
            let unknown = try await errorOfRefusal { _ = try await profiles.profile(of: friend, for: nil) }
            #expect(unknown.status == 401)
            let refused = try await errorOfRefusal { _ = try await profiles.profile(of: stranger, for: alice) }
            #expect(refused == .forbidden("Profile isn't available"))
        }
    }
}
