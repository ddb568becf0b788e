import MatrixCore
import SQLEngine
import TestSupport
import Testing

@testable import Homeserver

extension RoomServer {
    var reader: RoomReader {
        RoomReader(
            database: database, states: sender.states, stream: stream, time: .system, modules: registry)
    }

    fileprivate func leave(_ room: RoomID, by user: Requester) async throws {
        _ = try await memberships.apply(.init(.leave, of: user.user), in: room, by: user)
    }

    fileprivate func apply(
        _ action: MembershipService.Action, _ target: Requester, in room: RoomID, by user: Requester
    ) async throws {
        _ = try await memberships.apply(.init(action, of: target.user), in: room, by: user)
    }

    fileprivate func page(
        _ room: RoomID, by user: Requester, _ direction: TimelineDirection = .backwards, from: StreamToken? = nil,
        to: StreamToken? = nil, limit: Int = 10, filter: JSONObject = [:]
    ) async throws -> JSON {
        try JSON.parse(
            await reader.messages(
                of: room,
                TimelineRequest(direction, from: from, to: to, limit: limit, filter: EventFilter(filter)), by: user))
    }

    fileprivate func state(_ key: StateKey, of room: RoomID, by user: Requester) async throws -> JSON {
        try JSON.parse(await reader.state(key, of: room, as: .content, by: user))
    }
}

extension JSON {
    fileprivate var token: StreamToken? { stringValue.flatMap { StreamToken($0) } }
    fileprivate var keys: Set<String> { Set(arrayValue?.compactMap { $0["state_key"]?.stringValue } ?? []) }
}

@Suite struct RoomReaderTests {
    // MARK: - Who may read

    @Test(arguments: Engine.available)
    func `a private room is closed to those who were never in it`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "private_chat"])
            let event = try await server.say("secret", in: room, by: alice)
            func check() async throws {
                for error in [
                    await refusal { try await server.reader.state(of: room, by: bob) },
                    await refusal { try await server.page(room, by: bob) },
                    await refusal { try await server.reader.members(of: room, at: nil, [.join], by: bob) },
                    await refusal { try await server.reader.joinedMembers(of: room, by: bob) },
                    await refusal {
                        try await server.reader.context(of: event, in: room, limit: 1, filter: .everything, by: bob)
                    },
                ] {
                    #expect(error?.status == 403)
                    #expect(error?.code == .forbidden)
                }
                #expect(await refusal { try await server.reader.event(event, in: room, by: bob) }?.status == 404)
            }
            try await check()
            // Neither an invite nor declining it opens the room.
            try await server.apply(.invite, bob, in: room, by: alice)
            try await check()
            try await server.leave(room, by: bob)
            try await check()
        }
    }

    @Test(arguments: Engine.available)
    func `whoever left sees the room as it was then, whatever became of them later`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "public_chat", "name": "before"])
            try await server.join(room, by: bob)
            try await server.say("heard", in: room, by: alice)
            try await server.leave(room, by: bob)
            try await server.set(.name, ["name": "after"], in: room, by: alice)
            try await server.say("unheard", in: room, by: alice)
            func check() async throws {
                #expect(try await server.state(StateKey(.name), of: room, by: bob) == ["name": "before"])
                let members = try JSON.parse(await server.reader.members(of: room, at: nil, [.leave], by: bob))
                #expect(members["chunk"]?.keys == [bob.user.string])
                let page = try await server.page(room, by: bob, limit: 100)
                #expect(page["chunk"]?.bodies.contains("unheard") == false)
                #expect(page["chunk"]?.bodies.contains("heard") == true)
                let forwards = try await server.page(room, by: bob, .forwards, limit: 100)
                #expect(forwards["chunk"]?.bodies.contains("unheard") == false)
                #expect(await refusal { try await server.reader.joinedMembers(of: room, by: bob) }?.status == 403)
            }
            try await check()
            try await server.apply(.ban, bob, in: room, by: alice)
            try await check()
            try await server.apply(.unban, bob, in: room, by: alice)
            try await check()
            try await server.memberships.forget(room, by: bob)
            #expect(await refusal { try await server.reader.state(of: room, by: bob) }?.status == 403)
        }
    }

    @Test(arguments: Engine.available)
    func `a world-readable room is read by anyone, from when it became so`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice, ["preset": "private_chat"])
            try await server.say("early", in: room, by: alice)
            try await server.set(.historyVisibility, ["history_visibility": "world_readable"], in: room, by: alice)
            try await server.say("late", in: room, by: alice)
            #expect(try await server.page(room, by: bob, limit: 100)["chunk"]?.bodies == ["late"])
            let joined = try JSON.parse(await server.reader.joinedMembers(of: room, by: bob))
            #expect(joined.at("joined", alice.user.string) != nil)
            try await server.set(.historyVisibility, ["history_visibility": "shared"], in: room, by: alice)
            #expect(await refusal { try await server.page(room, by: bob) }?.status == 403)
        }
    }

    // MARK: - State and members

    @Test(arguments: Engine.available)
    func `state is given whole, by key, as content and as event`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice, ["name": "One"])
            try await server.set(.name, ["name": "Two"], in: room, by: alice)
            let all = try JSON.parse(await server.reader.state(of: room, by: alice))
            #expect(all.types.filter { $0 == "m.room.name" }.count == 1)
            #expect(all.arrayValue?.allSatisfy { $0["room_id"]?.stringValue == room.string } == true)
            let name = StateKey(.name)
            let event = try JSON.parse(await server.reader.state(name, of: room, as: .event, by: alice))
            #expect(event["content"] == ["name": "Two"])
            #expect(event.at("unsigned", "prev_content") == ["name": "One"])
            for key in [StateKey(.topic), StateKey(.name, "x"), StateKey("a\0b", "c\0d")] {
                let error: MatrixError? = await refusal { try await server.state(key, of: room, by: alice) }
                #expect(error?.status == 404)
                #expect(error?.code == .notFound)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `members are chosen by membership and by moment`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob, carol) = (server.user("alice"), server.user("bob"), server.user("carol"))
            let room = try await server.createRoom(by: alice)
            let before = StreamToken(events: server.stream.position)
            try await server.join(room, by: bob)
            try await server.apply(.invite, carol, in: room, by: alice)
            func listed(_ memberships: Set<Membership>, at token: StreamToken? = nil) async throws -> Set<String> {
                let answer = try JSON.parse(
                    await server.reader.members(of: room, at: token, memberships, by: alice))
                return answer["chunk"]?.keys ?? []
            }
            let (a, b, c) = (alice.user.string, bob.user.string, carol.user.string)
            #expect(try await listed(Set(Membership.allCases)) == [a, b, c])
            #expect(try await listed([.join]) == [a, b])
            #expect(try await listed([.invite, .ban]) == [c])
            #expect(try await listed([]) == [])
            #expect(try await listed(Set(Membership.allCases), at: before) == [a])
            #expect(try await listed([.invite], at: before) == [])
        }
    }

    // MARK: - Timeline

    @Test(arguments: Engine.available)
    func `pages join without gap or overlap, and only an empty one has no end`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let other = try await server.createRoom(by: alice)
            for number in 0..<23 {
                try await server.say("\(number)", in: room, by: alice)
                try await server.say("noise", in: other, by: alice)
            }
            for direction in TimelineDirection.allCases {
                var events: [String] = []
                var from: StreamToken?
                repeat {
                    let page = try await server.page(room, by: alice, direction, from: from, limit: 7)
                    events += page["chunk"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
                    from = page["end"]?.token
                } while from != nil
                let whole = try await server.page(room, by: alice, direction, limit: 1_000)
                let beyond = try await server.page(room, by: alice, direction, from: whole["end"]?.token, limit: 7)
                #expect(whole["end"] != nil && beyond["end"] == nil)
                #expect(beyond["chunk"] == [])
                #expect(whole["chunk"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue } == events)
                #expect(Set(events).count == events.count)
                #expect(whole["chunk"]?.bodies.count == 23)
            }
        }
    }

    @Test(arguments: Engine.available)
    func `a page stops at the place asked for, and leads on from where it ends`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let start = StreamToken(events: server.stream.position)
            for number in 0..<4 { try await server.say("\(number)", in: room, by: alice) }
            let back = try await server.page(room, by: alice, to: start, limit: 4)
            #expect(back["chunk"]?.bodies == ["3", "2", "1", "0"])
            #expect(back["end"]?.token == start)
            let forth = try await server.page(room, by: alice, .forwards, from: start, limit: 3)
            #expect(forth["chunk"]?.bodies == ["0", "1", "2"])
            #expect(forth["start"]?.token == start)
            let rest = try await server.page(room, by: alice, .forwards, from: forth["end"]?.token, limit: 3)
            #expect(rest["chunk"]?.bodies == ["3"])
            #expect(rest["end"]?.token == StreamToken(events: server.stream.position))
            let none = try await server.page(room, by: alice, limit: 0)
            #expect(none["chunk"] == [])
            #expect(none["end"] == none["start"])
        }
    }

    @Test(arguments: Engine.available)
    func `a filter that drops nearly all looks at a bounded stretch and says where to go on`(
        engine: Engine
    ) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob) = (server.user("alice"), server.user("bob"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            try await server.say("needle", in: room, by: bob)
            for number in 0..<150 { try await server.say("\(number)", in: room, by: alice) }
            var found: [String] = []
            var from: StreamToken?
            repeat {
                let page = try await server.page(
                    room, by: alice, from: from, limit: 1,
                    filter: ["senders": [.string(bob.user.string)], "types": ["m.room.message"]])
                found += page["chunk"]?.bodies ?? []
                from = page["end"]?.token
            } while from != nil
            #expect(found == ["needle"])
        }
    }

    @Test(arguments: Engine.available)
    func `lazy loading brings those who speak on the page`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let (alice, bob, carol) = (server.user("alice"), server.user("bob"), server.user("carol"))
            let room = try await server.createRoom(by: alice)
            try await server.join(room, by: bob)
            try await server.join(room, by: carol)
            try await server.say("hi", in: room, by: bob)
            let lazy: JSONObject = ["lazy_load_members": true]
            #expect(try await server.page(room, by: alice, limit: 1, filter: lazy)["state"]?.keys == [bob.user.string])
            // Also of somebody whose own join is all they said.
            let both = try await server.page(room, by: alice, limit: 2, filter: lazy)["state"]?.keys
            #expect(both == [bob.user.string, carol.user.string])
            #expect(try await server.page(room, by: alice, limit: 1)["state"] == nil)
        }
    }

    @Test(arguments: Engine.available)
    func `context gives both sides, the state there, and tokens that go on`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice, ["name": "first"])
            var events: [EventID] = []
            for number in 0..<9 { events.append(try await server.say("\(number)", in: room, by: alice)) }
            try await server.set(.name, ["name": "second"], in: room, by: alice)
            func context(_ limit: Int, _ filter: JSONObject = [:]) async throws -> JSON {
                try JSON.parse(
                    await server.reader.context(
                        of: events[4], in: room, limit: limit, filter: EventFilter(filter), by: alice))
            }
            let around = try await context(5)
            #expect(around["events_before"]?.bodies == ["3", "2"])
            #expect(around["events_after"]?.bodies == ["5", "6", "7"])
            #expect(around.at("event", "event_id")?.stringValue == events[4].string)
            let names = around["state"]?.arrayValue?.filter { $0["type"] == "m.room.name" }.map { $0["content"] }
            #expect(names == [["name": "first"]])
            let earlier = try await server.page(room, by: alice, from: around["start"]?.token, limit: 2)
            #expect(earlier["chunk"]?.bodies == ["1", "0"])
            let later = try await server.page(room, by: alice, .forwards, from: around["end"]?.token, limit: 1)
            #expect(later["chunk"]?.bodies == ["8"])
            // The state is that after the last event shown.
            let wide = try await context(12)
            let last = wide["state"]?.arrayValue?.filter { $0["type"] == "m.room.name" }.map { $0["content"] }
            #expect(last == [["name": "second"]])
            let alone = try await context(0, ["types": ["m.none"]])
            #expect(alone["events_before"] == [] && alone["events_after"] == [] && alone["state"] == [])
            let elsewhere = try await server.createRoom(by: alice)
            let error: MatrixError? = await refusal {
                try await server.reader.context(of: events[4], in: elsewhere, limit: 1, filter: .everything, by: alice)
            }
            #expect(error?.status == 404)
        }
    }

    @Test(arguments: Engine.available)
    func `an event is found by its time`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let first = try await server.say("a", in: room, by: alice)
            let last = try await server.say("b", in: room, by: alice)
            let sent = try JSON.parse(await server.reader.event(first, in: room, by: alice))
            let time = Timestamp(milliseconds: try #require(sent["origin_server_ts"]?.integerValue))
            let later = Timestamp(milliseconds: time.milliseconds + 1)
            #expect(try await server.reader.event(of: room, closestTo: time, .forwards, by: alice).event == first)
            #expect(try await server.reader.event(of: room, closestTo: later, .forwards, by: alice).event == last)
            let end = Timestamp(milliseconds: JSON.maximumInteger)
            #expect(try await server.reader.event(of: room, closestTo: end, .backwards, by: alice).event == last)
            let none: MatrixError? = await refusal {
                try await server.reader.event(of: room, closestTo: end, .forwards, by: alice).event
            }
            #expect(none?.status == 404)
        }
    }

    @Test(arguments: Engine.available)
    func `relations are listed by kind and page by page, without those redacted`(engine: Engine) async throws {
        try await withRoomServer(engine) { server in
            let alice = server.user("alice")
            let room = try await server.createRoom(by: alice)
            let root = try await server.say("root", in: room, by: alice)
            func relate(_ kind: String, _ type: EventType, _ body: String) async throws -> EventID {
                let relation: JSON = ["rel_type": .string(kind), "event_id": .string(root.string), "key": "+"]
                return try await server.rooms.send(
                    type: type, content: ["msgtype": "m.text", "body": .string(body), "m.relates_to": relation],
                    to: room, by: alice)
            }
            for number in 0..<3 { _ = try await relate("m.thread", .message, "t\(number)") }
            let reaction = try await relate("m.annotation", "m.reaction", "r")
            func listed(
                _ kind: String? = nil, _ type: EventType? = nil, _ direction: TimelineDirection = .backwards,
                from: StreamToken? = nil, limit: Int = 5
            ) async throws -> JSON {
                try JSON.parse(
                    await server.reader.relations(
                        to: root, in: room, relation: kind, type: type,
                        TimelineRequest(direction, from: from, limit: limit), by: alice))
            }
            #expect(try await listed()["chunk"]?.bodies == ["r", "t2", "t1", "t0"])
            #expect(try await listed("m.thread")["chunk"]?.bodies == ["t2", "t1", "t0"])
            #expect(try await listed("m.thread", "m.reaction")["chunk"] == [])
            let first = try await listed(nil, nil, .forwards, limit: 3)
            #expect(first["chunk"]?.bodies == ["t0", "t1", "t2"])
            let second = try await listed(nil, nil, .forwards, from: first["next_batch"]?.token, limit: 3)
            #expect(second["chunk"]?.bodies == ["r"])
            #expect(second["next_batch"] == nil)
            _ = try await server.rooms.redact(reaction, content: [:], in: room, by: alice)
            #expect(try await listed("m.annotation")["chunk"] == [])
        }
    }
}
