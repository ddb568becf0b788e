import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct CompatibilityViewTests {
    private static let everyView = CompatibilityViews.all(.sqlite, tablesIn: "server").map(\.name)

    @Test(arguments: Engine.available)
    func `every view can be read, and has columns of Synapse's names`(engine: Engine) async throws {
        try await withViews(engine) { storage, modules in
            try await populate(storage)
            for view in Self.everyView {
                let rows = try await modules.rows("SELECT * FROM \(view)")
                let empty: Set = ["account_validity", "redactions"]
                #expect(rows.isEmpty == empty.contains(view), "\(view)")
            }
        }
    }

    @Test(arguments: Engine.available)
    func `users and what they have`(engine: Engine) async throws {
        try await withViews(engine) { storage, modules in
            try await populate(storage)
            #expect(
                try await modules.rows(
                    """
                    SELECT name, password_hash, admin, deactivated, creation_ts, is_guest, user_type, appservice_id
                    FROM users
                    """) == [[.text(alice.string), "$2b$hash", 1, 0, 1_234, 0, "bot", nil]])
            #expect(
                try await modules.rows(
                    "SELECT COUNT(*) FROM users WHERE approved AND NOT shadow_banned AND NOT locked AND NOT suspended")
                    == [[1]])
            #expect(
                try await modules.rows("SELECT user_id, full_user_id, displayname, avatar_url FROM profiles")
                    == [["alice", .text(alice.string), "Alice", "mxc://a/b"]])
            #expect(
                try await modules.rows("SELECT user_id, device_id, token, used FROM access_tokens")
                    == [[.text(alice.string), "PHONE", nil, 0]])
            #expect(
                try await modules.rows("SELECT user_id, device_id, display_name, last_seen, ip, hidden FROM devices")
                    == [[.text(alice.string), "PHONE", "Phone", 5_000, "192.0.2.1", 0]])
            #expect(
                try await modules.rows("SELECT user_id, ip, user_agent, last_seen FROM user_ips")
                    == [[.text(alice.string), "192.0.2.1", "agent", 5_000]])
            #expect(
                try await modules.rows("SELECT user_id, medium, address, added_at FROM user_threepids")
                    == [[.text(alice.string), "email", "a@example.org", 8]])
            #expect(
                try await modules.rows("SELECT auth_provider, external_id, user_id FROM user_external_ids")
                    == [["oidc-x", "42", .text(alice.string)]])
            #expect(
                try await modules.rows("SELECT account_data_type, content FROM account_data") == [["m.direct", "{}"]])
            #expect(
                try await modules.rows("SELECT room_id, account_data_type FROM room_account_data")
                    == [["!r:example.org", "m.tag"]])
            #expect(
                try await modules.rows("SELECT token, uses_allowed, pending FROM registration_tokens")
                    == [["token", 3, 0]])
            #expect(
                try await modules.rows("SELECT user_id, messages_per_second, burst_count FROM ratelimit_override")
                    == [[.text(alice.string), 7, 8]])
        }
    }

    @Test(arguments: Engine.available)
    func `events and state`(engine: Engine) async throws {
        try await withViews(engine) { storage, modules in
            let (room, said) = try await populate(storage)
            let roomID = SQLValue.text(room.handle.id.string)
            #expect(
                try await modules.rows(
                    """
                    SELECT room_id, type, sender, state_key, outlier, contains_url, rejection_reason FROM events
                    WHERE event_id = $1
                    """, .text(said.eventID.string))
                    == [[roomID, "m.room.message", .text(bob.string), nil, 0, 1, nil]])
            let json = try await modules.rows(
                "SELECT json, internal_metadata, format_version FROM event_json WHERE event_id = $1",
                .text(said.eventID.string))
            guard case .text(let text)? = json.first?.first else {
                Issue.record("the JSON is not text: \(json)")
                return
            }
            #expect(try JSONObject.parse(Array(text.utf8)).object("content")?.string("body") == "nul \u{0} and é")
            #expect(json.first?.dropFirst() == ["{}", 3])
            #expect(
                try await modules.rows(
                    """
                    SELECT state_key, membership FROM current_state_events
                    WHERE room_id = $1 AND type = 'm.room.member' ORDER BY state_key
                    """, roomID)
                    == [
                        [.text(alice.string), "join"], [.text(bob.string), "join"], [.text(charlie.string), "leave"],
                    ])
            #expect(
                try await modules.rows(
                    "SELECT membership FROM current_state_events WHERE room_id = $1 AND type = 'm.room.name'", roomID)
                    == [[nil]])
            #expect(
                try await modules.rows(
                    """
                    SELECT c.state_key, m.membership, m.display_name, m.sender, m.forgotten FROM current_state_events c
                    INNER JOIN room_memberships m USING (event_id) WHERE c.room_id = $1 AND m.user_id = $2
                    """, roomID, .text(charlie.string))
                    == [[.text(charlie.string), "leave", nil, .text(charlie.string), 0]])
            #expect(
                try await modules.rows(
                    "SELECT membership FROM room_memberships WHERE user_id = $1 ORDER BY event_stream_ordering",
                    .text(charlie.string)) == [["join"], ["leave"]])
            #expect(
                try await modules.rows(
                    "SELECT user_id, membership FROM local_current_membership ORDER BY user_id")
                    == [[.text(alice.string), "join"], [.text(bob.string), "join"]])
            #expect(
                try await modules.rows("SELECT type FROM state_events WHERE state_key = '' ORDER BY type")
                    == [["m.room.create"], ["m.room.join_rules"], ["m.room.name"], ["m.room.power_levels"]])
            let count = try await modules.rows("SELECT COUNT(*) FROM event_forward_extremities")
            #expect(count == [[1]])
        }
    }

    @Test(arguments: Engine.available)
    func `rooms and their aliases`(engine: Engine) async throws {
        try await withViews(engine) { storage, modules in
            let (room, _) = try await populate(storage)
            let roomID = SQLValue.text(room.handle.id.string)
            #expect(
                try await modules.rows("SELECT room_id, creator, room_version, is_public FROM rooms")
                    == [[roomID, .text(alice.string), "11", 0]])
            #expect(
                try await modules.rows("SELECT room_alias, room_id, creator FROM room_aliases")
                    == [["#a:example.org", roomID, .text(alice.string)]])
            #expect(try await modules.rows("SELECT server FROM room_alias_servers") == [["example.org"]])
            #expect(
                try await modules.rows("SELECT name, topic, join_rules, is_federatable FROM room_stats_state")
                    == [["The room", nil, "public", 1]])
            #expect(
                try await modules.rows(
                    "SELECT joined_members, left_members, local_users_in_room FROM room_stats_current") == [[2, 1, 2]])
        }
    }

    @Test(arguments: Engine.available)
    func `a write is refused with what to do instead`(engine: Engine) async throws {
        try await withViews(engine) { storage, modules in
            try await populate(storage)
            for statement in [
                "INSERT INTO users (name, admin) VALUES ('@x:example.org', 1)", "UPDATE users SET admin = 1",
                "DELETE FROM users",
            ] {
                let error = await #expect(throws: SQLError.self) {
                    try await modules.write { try $0.run(script: statement) }
                }
                #expect(error?.message.contains("ModuleApi.set_user_admin") == true, "\(statement): \(error)")
            }
            for view in Self.everyView {
                await #expect(throws: SQLError.self, "\(view)") {
                    try await modules.write { try $0.run(script: "INSERT INTO \(view) DEFAULT VALUES") }
                }
            }
        }
    }

    @Test func `PostgreSQL's views are made once, and again when they have changed`() async throws {
        guard Engine.available.contains(.postgresql) else { return }
        try await withTemporaryDatabase(.postgresql) { database in
            try await migrate(database, Schema.migrations)
            try await CompatibilityViews.install(on: database)
            let oid = "SELECT CAST(oid AS BIGINT) FROM pg_catalog.pg_namespace WHERE nspname = 'synapse_compat'"
            let first = try await database.rows(oid)
            try await CompatibilityViews.install(on: database)
            #expect(try await database.rows(oid) == first)
            try await database.write { try $0.run(script: "COMMENT ON SCHEMA synapse_compat IS 'of another version'") }
            try await CompatibilityViews.install(on: database)
            #expect(try await database.rows(oid) != first)
        }
    }
}

/// Passes storage, and the same database as modules see it.
private func withViews(
    _ engine: Engine, _ body: (TestStorage, any Database) async throws -> Void
) async throws {
    try await withTemporaryPlace(engine) { place in
        let database = try await place.open()
        try await migrate(database, Schema.migrations)
        let modules: any Database
        if let path = place.path {
            let script =
                "ATTACH DATABASE 'file:\(path)?mode=ro' AS server;\n" + CompatibilityViews.temporaryScripts.joined()
            modules = try await SQLiteDatabase.open(
                path: path + ".modules", options: SQLiteOptions(connectionScript: script))
        } else {
            var parameters = try #require(place.parameters)
            parameters.searchPath = [CompatibilityViews.modulesSchema, CompatibilityViews.schema]
            try await CompatibilityViews.install(on: database)
            modules = try await PostgresDatabase.open(parameters)
        }
        let result = await Result { try await body(TestStorage(database), modules) }
        try await modules.close()
        try await database.close()
        try result.get()
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

extension Database {
    fileprivate func rows(_ sql: String, _ values: SQLValue...) async throws -> [[SQLValue]] {
        try await read { transaction in
            try transaction.all(sql, values: values) { row in (0..<row.columnCount).map { row.value($0) } }
        }
    }
}

/// A room of Alice's with Bob, whom Charlie left, and all that Alice may have.
@discardableResult
private func populate(_ storage: TestStorage) async throws -> (room: TestRoom, said: Event) {
    let room = try await TestRoom.make(in: storage)
    try await room.send(.name, key: "", ["name": "The room"])
    try await room.join(bob)
    try await room.join(charlie)
    try await room.send(.member, key: charlie.string, ["membership": "leave"], by: charlie)
    let said = try await room.send(
        .message, ["body": "nul \u{0} and é", "url": "mxc://a/b", "msgtype": "m.image"], by: bob)
    let number = room.handle.number
    try await storage.database.write { transaction in
        try transaction.execute(
            """
            INSERT INTO users (number, name, password_hash, admin, user_type, creation_ts)
            VALUES (1, $1, $2, 1, 'bot', 1234567)
            """, .text(alice.string), .text("$2b$hash"))
        try transaction.run(
            script: """
                INSERT INTO devices
                    (user_number, device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent)
                VALUES (1, 'PHONE', 'Phone', 5000, '192.0.2.1', 'agent');
                INSERT INTO profiles (user_number, displayname, avatar_url) VALUES (1, 'Alice', 'mxc://a/b');
                INSERT INTO registration_tokens (token, uses_allowed) VALUES ('token', 3);
                INSERT INTO ratelimit_overrides VALUES (1, 7, 8);
                INSERT INTO user_threepids VALUES ('email', 'a@example.org', 1, 7, 8);
                INSERT INTO user_external_ids VALUES ('oidc-x', '42', 1);
                INSERT INTO account_data VALUES (1, '', 'm.direct', '{}', 1), (1, '!r:example.org', 'm.tag', '{}', 2);
                """)
        try transaction.execute(
            "INSERT INTO access_tokens (hash, user_number, device_id, creation_ts) VALUES ($1, 1, 'PHONE', 1)",
            .blob([1, 2, 3]))
        try transaction.execute(
            "INSERT INTO room_aliases (alias, room, creator) VALUES ('#a:example.org', $1, $2)",
            .integer(number), .text(alice.string))
    }
    return (room, said)
}
