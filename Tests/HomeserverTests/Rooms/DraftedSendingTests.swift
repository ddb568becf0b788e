import MatrixCore
import ModuleAPI
import SQLEngine
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Homeserver

/// Sending where modules look at each event first.
@Suite struct DraftedSendingTests {
    /// Answers later, so that others' events come between; refuses what says so.
    private let slow = SpamChecker(checkEventForSpam: { event in
        for _ in 0..<5 { await Task.yield() }
        return event.content["body"] == "no" ? .deny() : .allow
    })

    private func position(of room: RoomID, on server: RoomServer) async throws -> RoomPosition {
        let handle = try #require(try await server.sender.states.room(room))
        let caches = server.sender.states.caches
        return try await server.database.read {
            try RoomStores($0, caches: caches, .reading).position(of: handle)
        }
    }

    private func waitingCount(_ server: RoomServer) -> Int {
        server.sender.waiting.withLock { $0.values.reduce(0) { $0 + $1.count } }
    }

    @Test(arguments: Engine.available)
    func `many senders at once are all sent, each client's in order, and leave few last events`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine, register: { $0.register(slow, of: "test") }) { server in
            let people = (0..<16).map { server.user("user\($0)") }
            let room = try await server.createRoom(by: people[0])
            for person in people.dropFirst() { try await server.join(room, by: person) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for person in people {
                    group.addTask {
                        for number in 0..<12 {
                            let text = "\(person.user.localpart) \(number)"
                            try await server.say(text, in: room, by: person, transaction: text)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let events = try await server.syncOnce(people[0], filter: ["room": ["timeline": ["limit": 500]]])
                .at("rooms", "join", room.string, "timeline", "events")
            let bodies = events?.bodies ?? []
            #expect(bodies.count == 16 * 12)
            for person in people {
                let own = bodies.filter { $0.hasPrefix("\(person.user.localpart) ") }
                #expect(own == (0..<12).map { "\(person.user.localpart) \($0)" })
            }
            // Not more than were under way at once, however many were sent.
            #expect(try await position(of: room, on: server).extremities.count <= 16)
            for number in 0..<3 { try await server.say("calm \(number)", in: room, by: people[0]) }
            #expect(try await position(of: room, on: server).extremities.count == 1)
        }
    }

    @Test(arguments: Engine.available)
    func `what waits together is written together, and judged by what came before it`(engine: Engine) async throws {
        try await withRoomServer(engine, register: { $0.register(slow, of: "test") }) { server in
            let (alice, bob, carol) = (server.user("alice"), server.user("bob"), server.user("carol"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            try await server.join(room, by: carol)
            let handle = try #require(try await server.sender.states.room(room))
            try await withThrowingTaskGroup(of: MatrixError?.self) { group in
                // All are drafted while nobody can write.
                try await server.writers.withCommitLease(on: handle) { _ in
                    group.addTask {
                        await refusal { try await server.change(.ban, bob, in: room, by: alice) }
                    }
                    while waitingCount(server) < 1 { await Task.yield() }
                    group.addTask { await refusal { try await server.say("hi", in: room, by: bob) } }
                    while waitingCount(server) < 2 { await Task.yield() }
                    group.addTask { await refusal { try await server.say("no", in: room, by: carol) } }
                    group.addTask { await refusal { try await server.say("hello", in: room, by: carol) } }
                    while waitingCount(server) < 3 { await Task.yield() }
                }
                var refusals: [Int] = []
                for try await error in group { if let error { refusals.append(error.status) } }
                // Bob was banned before his message could be written; Carol's first was refused by the module.
                #expect(refusals == [403, 403])
            }
            let events = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            #expect(events?.bodies == ["hello"])
            #expect(waitingCount(server) == 0)
        }
    }

    @Test func `drafts under way share the last events of a room between them`() throws {
        let room = RoomHandle(number: 1, id: RoomID(trusted: "!r:example.org"), version: .v11)
        let tips = (1...25).map { number in
            RoomPosition.Extremity(
                number: EventNumber(number), id: EventID(trusted: "$\(number)"), depth: 1, state: .empty)
        }
        let position = RoomPosition(room: room, state: .empty, lastStream: 25, extremities: tips)
        let claims = DraftClaims()
        let taken = (0..<4).map { _ in claims.claim(position) }
        #expect(taken.map(\.position.extremities.count) == [10, 10, 5, 1])
        #expect(Set(taken.prefix(3).flatMap { $0.position.extremities.map(\.number) }).count == 25)
        #expect(taken[3].position.extremities.map(\.number) == [25])
        for claim in taken { claims.release(claim, in: room) }
        #expect(claims.claim(position).position.extremities.count == 10)
    }
}
