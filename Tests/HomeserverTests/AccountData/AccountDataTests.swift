import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import TestSupport
import Testing

@testable import Homeserver

@Suite struct AccountDataTests {
    private let type = "org.example.setting"

    @Test(arguments: Engine.available)
    func `what a client set is there, apart from what is set for a room`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = try await server.registered("alice")
            let room = RoomID(trusted: "!elsewhere:remote.example")
            try await server.accountData.set(type, in: nil, to: ["n": 1, "u": "\u{0}"], by: alice)
            try await server.accountData.set(type, in: room, to: ["n": 2], by: alice)
            let account = alice.accountNumber
            #expect(try await server.accountData.content(type, in: nil, of: account) == ["n": 1, "u": "\u{0}"])
            #expect(try await server.accountData.content(type, in: room, of: account) == ["n": 2])
            #expect(try await server.accountData.content("other", in: nil, of: account) == nil)
            #expect(try await server.accountData.content("a\u{0}b", in: nil, of: account) == nil)
        }
    }

    @Test func `types that the server sees to, and types that cannot be, are refused`() async throws {
        try await withRoomServer(.sqlite) { server in
            let alice = try await server.registered("alice")
            for type in ["m.fully_read", "m.push_rules"] {
                let error = await refusal { try await server.accountData.set(type, in: nil, to: [:], by: alice) }
                #expect(error?.status == 405)
                #expect(error?.code == .badJSON)
            }
            for type in ["", "a\u{0}", String(repeating: "x", count: 256)] {
                let refused = await refusal { try await server.accountData.set(type, in: nil, to: [:], by: alice) }
                #expect(refused?.status == 400)
            }
        }
    }

    // MARK: Sync

    @Test(arguments: Engine.available)
    func `sync tells account data at first and when it changes`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (try await server.registered("alice"), try await server.registered("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.accountData.set(type, in: nil, to: ["n": 1], by: alice)
            try await server.accountData.set(type, in: room, to: ["n": 2], by: alice)
            let first = try await server.syncOnce(alice)
            #expect(first.at("account_data", "events") == [["content": ["n": 1], "type": .string(type)]])
            let inRoom = first.at("rooms", "join", room.string, "account_data", "events")
            #expect(inRoom == [["content": ["n": 2], "type": .string(type)]])

            let since = first["next_batch"]?.stringValue
            let nothing = try await server.syncOnce(alice, since: since)
            #expect(nothing["account_data"] == nil)
            #expect(nothing["rooms"] == nil)

            try await server.accountData.set(type, in: room, to: ["n": 3], by: alice)
            let second = try await server.syncOnce(alice, since: since)
            #expect(second["account_data"] == nil)
            let changed = second.at("rooms", "join", room.string)
            #expect(changed?.at("account_data", "events") == [["content": ["n": 3], "type": .string(type)]])
            #expect(changed?.at("timeline", "events") == [])
            #expect(changed?.at("timeline", "limited") == false)
            // A message alone is told without reading account data anew.
            try await server.say("hello", in: room, by: alice)
            let third = try await server.syncOnce(alice, since: second["next_batch"]?.stringValue)
            #expect(third.at("rooms", "join", room.string, "account_data", "events") == [])
            // All of it with the full state, and nothing of it to anyone else.
            let full = try await server.syncOnce(alice, since: since, fullState: true)
            #expect(full.at("account_data", "events")?.types == [type])
            #expect(try await server.syncOnce(bob)["account_data"] == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `data set for a room before joining it comes with the join`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (try await server.registered("alice"), try await server.registered("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.accountData.set(type, in: room, to: ["n": 1], by: bob)
            let since = try await server.syncOnce(bob)["next_batch"]?.stringValue
            try await server.join(room, by: bob)
            let answer = try await server.syncOnce(bob, since: since)
            #expect(answer.at("rooms", "join", room.string, "account_data", "events")?.types == [type])
        }
    }

    @Test func `filters choose among account data`() async throws {
        try await withRoomServer(.sqlite) { server in
            let alice = try await server.registered("alice")
            let room = try await server.createRoom(by: alice)
            for type in ["a.one", "a.two", "b"] {
                try await server.accountData.set(type, in: nil, to: [:], by: alice)
                try await server.accountData.set(type, in: room, to: [:], by: alice)
            }
            let filter: JSONObject = [
                "account_data": ["types": ["a.*"], "not_types": ["a.two"]],
                "room": ["account_data": ["not_types": ["a.*"]]],
            ]
            let answer = try await server.syncOnce(alice, filter: filter)
            #expect(answer.at("account_data", "events")?.types == ["a.one"])
            #expect(answer.at("rooms", "join", room.string, "account_data", "events")?.types == ["b"])
            let none: JSONObject = [
                "account_data": ["senders": ["@alice:example.org"]],
                "room": ["account_data": ["not_rooms": [.string(room.string)]]],
            ]
            let without = try await server.syncOnce(alice, filter: none)
            #expect(without["account_data"] == nil)
            #expect(without.at("rooms", "join", room.string, "account_data", "events") == [])
        }
    }

    @Test func `more than one answer holds comes with the next`() async throws {
        try await withRoomServer(.sqlite) { server in
            let alice = try await server.registered("alice")
            try await server.database.write { transaction in
                for number in 0..<2_001 {
                    _ = try transaction.accountData.set("t\(number)", in: nil, to: "{}", of: alice.accountNumber)
                }
            }
            let first = try await server.syncOnce(alice)
            #expect(first.at("account_data", "events")?.arrayValue?.count == 2_000)
            let second = try await server.syncOnce(alice, since: first["next_batch"]?.stringValue)
            #expect(second.at("account_data", "events")?.types == ["t2000"])
        }
    }

    @Test func `a client that waits is woken`() async throws {
        try await withRoomServer(.sqlite) { server in
            let alice = try await server.registered("alice")
            let since = try await server.syncOnce(alice)["next_batch"]?.stringValue
            let request = SyncRequest(since: since.flatMap { StreamToken($0) }, timeout: .seconds(60))
            let poll = Task { try await server.sync.sync(request, by: alice) }
            try await server.accountData.set(type, in: nil, to: ["n": 1], by: alice)
            let answer = try JSON.parse(try await poll.value)
            #expect(answer.at("account_data", "events")?.types == [type])
        }
    }

    // MARK: Modules

    @Test func `modules hear of what was written before the answer goes out, G4 and H1`() async throws {
        let told = Notes()
        let callbacks = AccountDataCallbacks { user, room, type, content in
            told.add("\(user) \(room?.string ?? "-") \(type) \(String(decoding: content.encoded(), as: UTF8.self))")
            throw Broken()
        }
        try await withRoomServer(.sqlite, register: { $0.register(callbacks, of: "test") }) { server in
            let alice = try await server.registered("alice")
            try await server.accountData.set("t", in: nil, to: ["n": 1], by: alice)
            try await server.accountData.set("t", in: RoomID(trusted: "!r:x"), to: [:], by: alice)
            #expect(told.all == [#"@alice:example.org - t {"n":1}"#, "@alice:example.org !r:x t {}"])
        }
    }

    @Test func `modules read and write account data of users of this server, E14`() async throws {
        let told = Notes()
        let callbacks = AccountDataCallbacks { _, _, type, _ in told.add(type) }
        try await withRoomServer(.sqlite, register: { $0.register(callbacks, of: "test") }) { server in
            let alice = try await server.registered("alice")
            let data = AccountDataForModules(accountData: server.accountData, serverName: RoomServer.name)
            #expect(try await data.global("t", of: alice.user) == nil)
            try await data.setGlobal("t", to: ["n": 1], of: alice.user)
            #expect(try await data.global("t", of: alice.user) == ["n": 1])
            #expect(told.all == ["t"])
            #expect(try await server.syncOnce(alice).at("account_data", "events")?.types == ["t"])
            let room = RoomID(trusted: "!r:x")
            try await server.accountData.set("t", in: room, to: ["n": 2], by: alice)
            #expect(try await data.data("t", in: room, of: alice.user) == ["n": 2])
            let nobody = UserID(trusted: "@nobody:example.org")
            #expect(try await data.global("t", of: nobody) == nil)
            await #expect(throws: ModuleError.self) { try await data.setGlobal("t", to: [:], of: nobody) }
            let remote = UserID(trusted: "@a:remote.example")
            await #expect(throws: ModuleError.self) { try await data.global("t", of: remote) }
        }
    }
}
