import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct AccountDataStoreTests {
    private let room = RoomID(trusted: "!room:example.org")

    private func account(_ user: UserID, in storage: TestStorage) async throws -> Int64 {
        try await storage.database.write { transaction in
            let new = NewAccount(user: user, createdAt: Timestamp(milliseconds: 1))
            return try #require(try transaction.accounts.insert(new)).number
        }
    }

    @Test(arguments: Engine.available)
    func `what is written last is there, apart for each room and user`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let (ours, theirs) = (try await account(alice, in: storage), try await account(bob, in: storage))
            let positions = try await storage.database.write { [room] transaction in
                let store = transaction.accountData
                let first = try store.set("a.type", in: nil, to: #"{"n":1}"#, of: ours)
                let second = try store.set("a.type", in: room, to: #"{"n":2}"#, of: ours)
                let third = try store.set("a.type", in: nil, to: #"{"n":3}"#, of: ours)
                return [first, second, third]
            }
            #expect(positions == [1, 2, 3])
            func content(_ type: String, in room: RoomID?, of account: Int64) async throws -> String? {
                try await storage.database.read { try $0.accountData.content(type, in: room, of: account) }
            }
            #expect(try await content("a.type", in: nil, of: ours) == #"{"n":3}"#)
            #expect(try await content("a.type", in: room, of: ours) == #"{"n":2}"#)
            #expect(try await content("a.type", in: nil, of: theirs) == nil)
            #expect(try await content("b.type", in: nil, of: ours) == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `the stream tells what was written since, each piece once`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let (ours, theirs) = (try await account(alice, in: storage), try await account(bob, in: storage))
            try await storage.database.write { [room] transaction in
                let store = transaction.accountData
                _ = try store.set("one", in: nil, to: "{}", of: ours)
                _ = try store.set("other", in: nil, to: "{}", of: theirs)
                _ = try store.set("two", in: room, to: "{}", of: ours)
                _ = try store.set("one", in: nil, to: #"{"again":true}"#, of: ours)
            }
            func entries(after position: StreamPosition, limit: Int = 10) async throws -> [AccountDataEntry] {
                try await storage.database.read {
                    try $0.accountData.entries(of: ours, after: position, limit: .init(entries: limit)).entries
                }
            }
            let all = try await entries(after: 0)
            #expect(all.map(\.type) == ["two", "one"])
            #expect(all.map(\.room) == [room, nil])
            #expect(all.map(\.stream) == [3, 4])
            #expect(try await entries(after: 3).map(\.type) == ["one"])
            #expect(try await entries(after: 0, limit: 1).map(\.type) == ["two"])
            let inRoom = try await storage.database.read { [room] transaction in
                try transaction.accountData.entries(of: ours, in: room, limit: .init(entries: 10))
            }
            #expect(inRoom.map(\.type) == ["two"])
            for (user, position) in [(alice, 4), (bob, 2), (charlie, 0)] {
                #expect(try await storage.database.read { try $0.accountData.position(of: user) } == position)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `what is read at once is bounded by number and by bytes, and says if there is more`(
        engine: Engine
    ) async throws {
        try await withStorage(engine) { storage in
            let ours = try await account(alice, in: storage)
            try await storage.database.write { transaction in
                for number in 0..<150 {
                    _ = try transaction.accountData.set("type.\(number)", in: nil, to: #"{"a":"0123456789"}"#, of: ours)
                }
            }
            func read(_ limit: AccountDataStore.Limit) async throws -> (Int, Bool) {
                let read = try await storage.database.read {
                    try $0.accountData.entries(of: ours, after: 0, limit: limit)
                }
                return (read.entries.count, read.isComplete)
            }
            #expect(try await read(.init(entries: 1_000)) == (150, true))
            #expect(try await read(.init(entries: 150)) == (150, true))
            #expect(try await read(.init(entries: 120)) == (120, false))
            // Each has 18 bytes.
            #expect(try await read(.init(entries: 1_000, bytes: 18 * 10)) == (10, false))
        }
    }
}
