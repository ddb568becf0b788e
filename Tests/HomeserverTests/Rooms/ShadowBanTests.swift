import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

@Suite struct ShadowBanTests {
    @Test(arguments: Engine.available)
    func `what a shadow-banned user sends is answered and goes nowhere`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = try await server.registered("alice")
            let troll = try await server.registered("troll", isShadowBanned: true)
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: troll)
            let told = try await server.say("buy this", in: room, by: troll, transaction: "t")
            #expect(try await server.say("buy this", in: room, by: troll, transaction: "t") == told)
            #expect(try await server.say("buy this", in: room, by: troll) != told)
            #expect(try await server.modules.event(told) == nil)
            _ = try await server.set(.topic, ["topic": "buy this"], in: room, by: troll)
            _ = try await server.rooms.redact(told, content: [:], in: room, by: troll)
            let invited = try await server.change(.invite, server.user("bob"), in: room, by: troll)
            #expect(invited != nil)
            #expect(try await server.modules.users(in: room).count == 2)
            let timeline = try await server.syncOnce(alice).at("rooms", "join", room.string, "timeline", "events")
            #expect(timeline?.bodies == [])
            #expect(timeline?.types.contains("m.room.topic") == false)
            #expect(try await server.change(.leave, troll, in: room, by: troll) != nil)
            #expect(try await server.modules.users(in: room) == [alice.user])
        }
    }
}
