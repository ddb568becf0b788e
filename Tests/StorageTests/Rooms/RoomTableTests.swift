import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct RoomTableTests {
    @Test(arguments: Engine.available)
    func `a room is found by ID and by number`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let id = RoomID(trusted: "!room:example.org")
            let room = try await storage.write {
                try $0.insertRoom(id, version: .v10, at: Timestamp(milliseconds: 5))
            }
            for storage in [storage, try await storage.restarted()] {
                try await storage.read { stores throws in
                    #expect(try stores.room(id) == room)
                    #expect(try stores.room(room.number).id == id)
                    #expect(try stores.room(room.number).version == .v10)
                    #expect(try stores.room(RoomID(trusted: "!other:example.org")) == nil)
                    #expect(throws: StorageError.self) { try stores.room(room.number + 1) }
                    #expect(try stores.position(of: room).extremities == [])
                    #expect(try stores.currentState(of: room) == .empty)
                }
            }
            await #expect(throws: SQLError.self) {
                try await storage.write { try $0.insertRoom(id, version: .v11, at: Timestamp(milliseconds: 5)) }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a room of a version nobody knows is an error, not another version`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            try await storage.write { stores in
                try stores.transaction.execute(
                    "INSERT INTO rooms (room_id, version, created_ts) VALUES ('!room:example.org', 'org.new', 0)")
            }
            await #expect(throws: StorageError.self) {
                try await storage.read { try $0.room(RoomID(trusted: "!room:example.org")) }
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a room that was rolled back is in no cache`(engine: Engine) async throws {
        try await withStorage(engine) { storage async throws in
            let id = RoomID(trusted: "!room:example.org")
            await #expect(throws: ChangeOfMind.self) {
                try await storage.write { stores in
                    _ = try stores.insertRoom(id, version: .v10, at: Timestamp(milliseconds: 5))
                    throw ChangeOfMind()
                }
            }
            #expect(storage.caches.roomsByID.count == 0)
            #expect(storage.caches.roomsByNumber.count == 0)
            #expect(try await storage.read { try $0.room(id) } == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `where a room stands is read back without writing`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let tip = try await room.say("tip")
            try await room.commit(
                try await room.draft(.topic, key: "", ["topic": "a"], on: [tip]),
                try await room.draft(.topic, key: "", ["topic": "b"], on: [tip]))
            let expected = room.position
            #expect(expected.extremities.count == 2)
            let handle = room.handle
            let read = try await storage.restarted().read { try $0.position(of: handle) }
            #expect(read.state == expected.state)
            #expect(read.lastStream == expected.lastStream)
            #expect(Set(read.extremities) == Set(expected.extremities))
        }
    }

    @Test(arguments: Engine.available)
    func `rooms with later events are told from those without`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let one = try await TestRoom.make(in: storage)
            let two = try await TestRoom.make(in: storage, id: "!two:example.org")
            let rooms = [one.handle.number, two.handle.number, 99]
            let positions = (one.position.lastStream, two.position.lastStream)
            try await storage.read { stores throws in
                #expect(Set(try stores.rooms(among: rooms, withEventsAfter: 0)) == Set(rooms.dropLast()))
                #expect(try stores.rooms(among: rooms, withEventsAfter: positions.0) == [rooms[1]])
                #expect(try stores.rooms(among: rooms, withEventsAfter: positions.1) == [])
                #expect(try stores.rooms(among: [rooms[0]], withEventsAfter: 0) == [rooms[0]])
                #expect(try stores.rooms(among: [], withEventsAfter: 0) == [])
                #expect(try stores.lastEventNumber() == positions.1)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `state is looked up by key`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let topic = try await room.send(.topic, key: "", ["topic": "t"])
            let state = room.position.state
            try await storage.read { stores in
                let keys = [StateKey(.topic), .create, StateKey(.name), StateKey("never.seen")]
                let events = try stores.parsedState(keys, in: state)
                #expect(events.keys.sorted() == [.create, StateKey(.topic)])
                #expect(events[StateKey(.topic)] == topic)
                #expect(try stores.stateEvent(StateKey(.name), in: state) == nil)
                #expect(try stores.stateEvent(StateKey(.topic), in: .empty) == nil)
            }
        }
    }
}
