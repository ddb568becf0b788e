import MatrixCore
import SQLEngine
import Storage
import TestSupport
import Testing

@Suite struct DirectoryTableTests {
    @Test(arguments: Engine.available)
    func `an alias points to one room until it is deleted`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let one = try await TestRoom.make(in: storage).handle
            let two = try await TestRoom.make(in: storage, id: "!two:example.org").handle
            let (b, a) = (RoomAlias(trusted: "#b:example.org"), RoomAlias(trusted: "#a:example.org"))
            try await storage.write { stores throws in
                #expect(try stores.insertAlias(b, of: one, creator: alice))
                #expect(try stores.insertAlias(a, of: one, creator: bob))
                #expect(try !stores.insertAlias(b, of: two, creator: bob))
            }
            try await storage.read { stores throws in
                #expect(try stores.room(under: b) == one)
                #expect(try stores.creator(of: b) == alice)
                #expect(try stores.aliases(of: one) == [a, b])
                #expect(try stores.aliases(of: two) == [])
                #expect(try stores.room(under: RoomAlias(trusted: "#B:example.org")) == nil)
                #expect(try stores.creator(of: RoomAlias(trusted: "#c:example.org")) == nil)
            }
            try await storage.write { stores throws in
                try stores.deleteAlias(b)
                #expect(try stores.room(under: b) == nil)
                #expect(try stores.insertAlias(b, of: two, creator: bob))
            }
            #expect(try await storage.read { try $0.room(under: b) } == two)
        }
    }

    @Test(arguments: Engine.available)
    func `published rooms are listed by size, page by page`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            var rooms: [RoomNumber] = []
            for (index, members) in [1, 3, 2, 3].enumerated() {
                let room = try await TestRoom.make(in: storage, id: "!\(index):example.org")
                if members > 1 { try await room.join(bob) }
                if members > 2 { try await room.join(charlie) }
                let handle = room.handle
                rooms.append(handle.number)
                try await storage.write { stores throws in
                    #expect(try !stores.isPublished(handle))
                    try stores.setPublished(true, handle)
                    #expect(try stores.isPublished(handle))
                }
            }
            let hidden = try await TestRoom.make(in: storage, id: "!hidden:example.org").handle
            let expected = [rooms[3], rooms[1], rooms[2], rooms[0]]
            try await storage.read { stores in
                var found: [RoomNumber] = []
                var last: RoomStores.PublishedRoom?
                while true {
                    let page = try stores.publishedRooms(after: last, limit: 1)
                    guard let room = page.first else { break }
                    #expect(page.count == 1)
                    found.append(room.room)
                    last = room
                }
                #expect(found == expected)
                #expect(try stores.publishedRooms(after: nil, limit: 10).map(\.joinedMembers) == [3, 3, 2, 1])
                #expect(try stores.publishedRoomCount() == 4)
                #expect(try !stores.isPublished(hidden))
            }
        }
    }
}
