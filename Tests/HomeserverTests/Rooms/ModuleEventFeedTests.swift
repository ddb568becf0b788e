import Logging
import MatrixCore
import ModuleAPI
import SQLEngine
import ServiceLifecycle
import Storage
import TestSupport
import Testing

@testable import Homeserver

/// Telling modules of events, C10, and again after a crash.
@Suite struct ModuleEventFeedTests {
    private func feed(_ server: RoomServer) -> ModuleEventFeed {
        ModuleEventFeed(
            database: server.database, sender: server.sender, stream: server.stream, modules: server.registry,
            savingInterval: .milliseconds(1))
    }

    /// Runs a feed while `body` does; `isKilled` ends it without a chance to store anything.
    private func running(_ server: RoomServer, _ body: () async throws -> Void) async throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: .init(services: [.init(service: feed(server))], logger: log))
        let run = Task { try await group.run() }
        try await body()
        await group.triggerGracefulShutdown()
        try await run.value
    }

    private func wait(until isDone: () -> Bool) async {
        for _ in 0..<10_000 {
            if isDone() { return }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    private func listener(_ told: Notes) -> ThirdPartyRules {
        ThirdPartyRules(onNewEvent: { event, state in
            guard event.type == .message || event.membership == .invite else { return }
            let member = try await state[.member(UserID(trusted: event.stateKey ?? ""))]
            told.add(event.content.string("body") ?? "invite, state \(member?.membership?.rawValue ?? "-")")
            throw Broken()
        })
    }

    @Test(arguments: Engine.available)
    func `modules hear of each event once, with the state after it`(engine: Engine) async throws {
        let told = Notes()
        try await withRoomServer(engine, register: { $0.register(listener(told), of: "test") }) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            try await running(server) {
                let room = try await server.createRoom(by: alice)
                try await server.say("one", in: room, by: alice)
                try await server.change(.invite, bob, in: room, by: alice)
                try await server.say("two", in: room, by: alice)
                await wait { told.all.count >= 3 }
            }
            #expect(told.all == ["one", "invite, state invite", "two"])
        }
    }

    @Test(arguments: Engine.available)
    func `what modules were not told of they are told of after the next start, in order`(engine: Engine) async throws {
        try await withTemporaryDatabase(engine) { database in
            try await migrate(database, Schema.migrations)
            let first = Notes()
            let before = try await RoomServer(database) { $0.register(listener(first), of: "test") }
            let alice = before.user("alice")
            let room = try await before.createRoom(by: alice)
            try await running(before) {
                try await before.say("one", in: room, by: alice)
                await wait { first.all == ["one"] }
            }
            // Nobody tells of these.
            for text in ["two", "three"] { try await before.say(text, in: room, by: alice) }

            let second = Notes()
            let after = try await RoomServer(database) { $0.register(listener(second), of: "test") }
            try await running(after) { await wait { second.all.count >= 2 } }
            #expect(second.all == ["two", "three"])
            let third = Notes()
            let last = try await RoomServer(database) { $0.register(listener(third), of: "test") }
            try await running(last) {
                try await last.say("four", in: room, by: alice)
                await wait { !third.all.isEmpty }
            }
            #expect(third.all == ["four"])
        }
    }

    @Test func `a module that comes later is not told of what was before`() async throws {
        try await withTemporaryDatabase(.sqlite) { database in
            try await migrate(database, Schema.migrations)
            let told = Notes()
            let first = try await RoomServer(database) { $0.register(listener(told), of: "test") }
            let alice = first.user("alice")
            let room = try await first.createRoom(by: alice)
            try await running(first) {
                try await first.say("one", in: room, by: alice)
                await wait { told.all == ["one"] }
            }
            func saved(_ server: RoomServer) async throws -> StreamPosition? {
                let caches = server.sender.states.caches
                return try await database.read { try RoomStores($0, caches: caches, .reading).moduleFeedPosition() }
            }
            #expect(try await saved(first) != nil)
            // Without a module nothing is kept.
            let without = try await RoomServer(database)
            try await running(without) {
                try await without.say("two", in: room, by: alice)
                for _ in 0..<1_000 where try await saved(without) != nil { await Task.yield() }
            }
            #expect(try await saved(without) == nil)
            // Registered while the server runs.
            try await running(without) {
                without.registry.register(listener(told), of: "late")
                for number in 3... {
                    try await without.say("\(number)", in: room, by: alice)
                    await Task.yield()
                    if told.all.count > 1 { break }
                }
            }
            #expect(!told.all.contains("two"))
            #expect(told.all.count > 1)
        }
    }
}
