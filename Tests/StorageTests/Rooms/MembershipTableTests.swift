import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Storage

@Suite struct MembershipTableTests {
    @Test func `every membership has a code of its own`() throws {
        let all: [Membership] = [.join, .invite, .knock, .leave, .ban]
        #expect(Set(all.map(\.code)).count == all.count)
        for membership in all { #expect(try Membership(code: membership.code) == membership) }
        #expect(throws: StorageError.self) { try Membership(code: 0) }
    }

    @Test(arguments: Engine.available)
    func `memberships and counts follow the state`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let handle = room.handle
            func counts() async throws -> [Int] {
                let counts = try await storage.read { try $0.memberCounts(of: handle.number) }
                return [counts.joined, counts.invited]
            }
            func record(_ user: UserID) async throws -> MembershipRecord? {
                try await storage.read { stores in
                    try stores.userNumber(user).flatMap { try stores.membership(of: $0, in: handle.number) }
                }
            }
            #expect(try await counts() == [1, 0])
            #expect(try await record(bob) == nil)
            try await room.send(.member, key: bob.string, ["membership": "invite"])
            #expect(try await counts() == [1, 1])
            #expect(try await record(bob)?.membership == .invite)
            let join = try await room.join(bob)
            #expect(try await counts() == [2, 0])
            let joined = try #require(try await record(bob))
            #expect(joined.membership == .join)
            #expect(joined.stream == room.position.lastStream)
            #expect(try await storage.read { try $0.number(of: join.eventID) } == joined.event)
            // A new name is no new member.
            try await room.send(
                .member, key: bob.string, ["membership": "join", "displayname": "B"], by: bob)
            #expect(try await counts() == [2, 0])
            try await room.send(.member, key: charlie.string, ["membership": "knock"], by: charlie)
            #expect(try await counts() == [2, 0])
            try await room.join(charlie)
            #expect(try await counts() == [3, 0])
            try await room.send(.member, key: charlie.string, ["membership": "ban"])
            #expect(try await counts() == [2, 0])
            #expect(try await record(charlie)?.membership == .ban)
            try await room.send(.member, key: bob.string, ["membership": "leave"], by: bob)
            #expect(try await counts() == [1, 0])
            #expect(try await record(bob)?.membership == .leave)
        }
    }

    @Test(arguments: Engine.available)
    func `members are listed by membership, and local ones apart`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            try await room.join(bob)
            try await room.join(charlie)
            let dora = UserID(trusted: "@dora:example.org")
            try await room.send(.member, key: dora.string, ["membership": "invite"])
            let number = room.handle.number
            try await storage.read { stores throws in
                func names(_ records: [MembershipRecord]) throws -> [UserID] {
                    try records.map { try stores.user($0.user) }
                }
                #expect(try names(stores.members(of: number, [.join])) == [alice, bob, charlie])
                #expect(try names(stores.members(of: number, [.invite, .join])) == [alice, bob, charlie, dora])
                #expect(try names(stores.members(of: number, [.join], limit: 2)) == [alice, bob])
                #expect(try stores.members(of: number, [.ban]) == [])
                #expect(try stores.members(of: number, []) == [])
                #expect(Set(try stores.localMembers(of: number).map(stores.user)) == [alice, bob])
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a forgotten room stays so until the next membership`(engine: Engine) async throws {
        try await withStorage(engine) { storage in
            let room = try await TestRoom.make(in: storage)
            let other = try await TestRoom.make(in: storage, id: "!other:example.org")
            try await room.join(bob)
            try await room.send(.member, key: bob.string, ["membership": "leave"], by: bob)
            try await other.join(bob)
            let (here, there) = (room.handle.number, other.handle.number)
            let user = try #require(try await storage.read { try $0.userNumber(bob) })
            try await storage.write { try $0.setForgotten(true, user: user, room: here) }
            let all = try await storage.read { try $0.memberships(of: user) }
            #expect(all.filter(\.isForgotten).map(\.room) == [here])
            #expect(Set(all.map(\.room)) == [here, there])
            try await room.send(.member, key: bob.string, ["membership": "invite"])
            #expect(try await storage.read { try $0.membership(of: user, in: here) }?.isForgotten == false)
        }
    }
}
