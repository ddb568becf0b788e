import Homeserver
import MatrixCore
import SQLEngine
import TestSupport
import Testing

@Suite struct FilterTests {
    @Test(arguments: Engine.available)
    func `a filter is numbered per user, and the same filter has one number`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let alice = try await server.newUser("alice")
            let bob = try await server.newUser("bob")
            let filter: JSONObject = ["room": ["timeline": ["limit": 10, "types": ["m.room.message"]]]]
            let reordered: JSONObject = ["room": ["timeline": ["types": ["m.room.message"], "limit": 10]]]
            #expect(try await server.filters.store(filter, for: alice.accountNumber) == "0")
            #expect(try await server.filters.store(reordered, for: alice.accountNumber) == "0")
            #expect(try await server.filters.store([:], for: alice.accountNumber) == "1")
            #expect(try await server.filters.store([:], for: bob.accountNumber) == "0")
            #expect(try await server.filters.filter("0", of: alice.accountNumber) == filter)
            let restarted = FilterService(database: server.database)
            #expect(try await restarted.filter("0", of: alice.accountNumber) == filter)
            for (id, status) in [("2", 404), ("-1", 404), ("x", 400), ("", 400)] {
                let error = try await errorOfRefusal {
                    _ = try await server.filters.filter(id, of: alice.accountNumber)
                }
                #expect(error.status == status)
            }
        }
    }

    @Test(
        arguments: [
            [:],
            ["unknown": 5, "room": ["unknown": 5, "timeline": ["unknown": 5]]],
            ["event_format": "federation", "event_fields": ["type", "content.body"]],
            ["room": ["rooms": ["!a:b", "!hash"], "include_leave": true, "state": ["lazy_load_members": true]]],
            ["presence": ["not_senders": ["@a:b"], "not_types": ["*"], "limit": 0]],
        ] as [JSONObject])
    func `filters of the specification's form are taken`(filter: JSONObject) throws {
        try FilterFormat.validate(filter)
    }

    @Test(
        arguments: [
            (["room": 5], "'room' must be an object"),
            (["room": ["timeline": 5]], "'room.timeline' must be an object"),
            (["room": ["timeline": ["limit": "a"]]], "'room.timeline.limit' must be a non-negative integer"),
            (["room": ["timeline": ["limit": -1]]], "'room.timeline.limit' must be a non-negative integer"),
            (["room": ["timeline": ["types": nil]]], "'room.timeline.types' must be an array of strings"),
            (["room": ["rooms": ["bad"]]], "'room.rooms' holds 'bad', which is not a room ID"),
            (["room": ["include_leave": "yes"]], "'room.include_leave' must be true or false"),
            (["room": ["state": ["contains_url": 1]]], "'room.state.contains_url' must be true or false"),
            (["event_fields": "x"], "'event_fields' must be an array of strings"),
            (["event_fields": [5]], "'event_fields' must be an array of strings"),
            (["event_format": "foo"], "'event_format' must be 'client' or 'federation'"),
            (["presence": ["senders": ["bad"]]], "'presence.senders' holds 'bad', which is not a user ID"),
            (["account_data": []], "'account_data' must be an object"),
        ] as [(JSONObject, String)])
    func `others are refused with the member that is wrong`(filter: JSONObject, message: String) async throws {
        let error = try await errorOfRefusal { try FilterFormat.validate(filter) }
        #expect(error == .badJSON(message))
    }
}
