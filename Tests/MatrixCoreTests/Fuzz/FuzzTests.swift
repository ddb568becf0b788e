import MatrixCore
import Testing

/// Properties that hold for any input, tried on a bounded number of random ones, the same in every run.
struct FuzzTests {
    static let seeds: [UInt64] = [1, 2, 3, 4]
    private static let rounds = 1_000

    @Test(arguments: seeds) func `what is encoded is read as the same value`(_ seed: UInt64) throws {
        var random = FuzzGenerator(seed: seed)
        for _ in 0..<Self.rounds {
            let value = random.json()
            #expect(try JSON.parse(value.encoded()) == value)
            #expect(try JSON.parse(random.loosely(value)) == value)
        }
    }

    @Test(arguments: seeds) func `canonical JSON is a fixed point`(_ seed: UInt64) throws {
        var random = FuzzGenerator(seed: seed)
        for _ in 0..<Self.rounds {
            let object = random.jsonObject()
            let canonical = try object.canonical(numbers: .any)
            let again = try JSONObject.parse(canonical)
            #expect(again == object)
            #expect(try again.canonical(numbers: .any) == canonical)
            #expect(again.encoded() == canonical)
            let shuffled = JSONObject(object.members.shuffled(using: &random).map { ($0.key, $0.value) })
            #expect(try shuffled.canonical(numbers: .any) == canonical)
            #expect(shuffled == object)
            #expect(shuffled.hashValue == object.hashValue)
            if let strict = try? object.canonical() { #expect(strict == canonical) }
        }
    }

    @Test(arguments: seeds) func `any bytes are read or refused`(_ seed: UInt64) throws {
        var random = FuzzGenerator(seed: seed)
        var readable = 0
        for round in 0..<Self.rounds * 4 {
            let bytes =
                round % 4 == 0
                ? (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                : random.mutated(Array(random.loosely(random.json()).utf8))
            guard let value = try? JSON.parse(bytes) else { continue }
            readable += 1
            #expect(try JSON.parse(value.encoded()) == value)
        }
        #expect(readable > 0)
    }

    @Test(arguments: seeds) func `any text is an identifier or none`(_ seed: UInt64) {
        var random = FuzzGenerator(seed: seed)
        let servers = ["example.org", "x:80", "[::1]:8448", "1.2.3.4"]
        for _ in 0..<Self.rounds * 4 {
            let server = random.below(3) == 0 ? random.text(upTo: 12) : random.pick(servers)
            let rest = random.text(upTo: 8) + random.pick([":", ":", ""]) + server
            let text = random.pick(["@", "!", "$", "#", ""]) + rest
            if let user = UserID(text) {
                #expect(user.string.hasSameBytes(as: text) && text.utf8.count <= 255)
                #expect(ServerName(user.server.string) != nil)
                #expect(UserID(localpart: user.localpart, server: user.server) == user)
            }
            if let alias = RoomAlias(text) {
                #expect(RoomAlias(localpart: alias.localpart, server: alias.server) == alias)
            }
            if let room = RoomID(text), let server = room.server { #expect(ServerName(server.string) == server) }
            if let event = EventID(text) { #expect(event.string.utf8.first == UInt8(ascii: "$")) }
            if let name = ServerName(server) {
                #expect(name.string.utf8.starts(with: name.host.utf8))
                #expect(name.string.utf8.dropFirst(name.host.utf8.count).isEmpty == (name.port == nil))
                #expect(name.string.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            }
        }
    }

    @Test(arguments: seeds) func `any object is an event or none`(_ seed: UInt64) throws {
        var random = FuzzGenerator(seed: seed)
        var events = 0
        for _ in 0..<Self.rounds {
            let version = random.pick(RoomVersion.supported)
            let type = random.pick(RedactionFixture.types)
            var content = random.jsonObject(depth: 2)
            for key in RedactionFixture.keys where random.below(4) == 0 { content[key] = random.json(depth: 1) }
            var draft = EventFixture.draft(type, stateKey: random.below(2) == 0 ? random.text() : nil, in: version)
            draft.content = content
            draft.unsigned = random.jsonObject(depth: 1)
            let object: JSONObject
            if let sealed = try? draft.sealed(version: version, origin: EventFixture.server, key: EventFixture.key) {
                #expect(try Event(pdu: sealed.object, version: version).eventID == sealed.eventID)
                #expect(sealed.hasValidContentHash())
                object = mutated(sealed.object, &random)
            } else {
                object = mutated(random.jsonObject(), &random)
            }
            guard let event = try? Event(pdu: object, version: version) else { continue }
            events += 1
            try check(event)
        }
        #expect(events > Self.rounds / 20)
    }

    private func check(_ event: Event) throws {
        let version = event.version
        #expect(try event.object.canonical(numbers: .any).count <= Event.maximumBytes)
        #expect(event.type.string.utf8.count <= 255 && (event.stateKey ?? "").utf8.count <= 255)
        let redacted = event.redacted()
        #expect(redact(redacted.object, version: version) == redacted.object)
        #expect(try Event(pdu: redacted.object, version: version).eventID == event.eventID)
        #expect(
            try referenceHash(redacted.object, version: version) == referenceHash(event.object, version: version))
        let stored = Event(
            stored: event.object, eventID: event.eventID, roomID: event.roomID, version: version)
        #expect(stored.sender == event.sender && stored.state == event.state && stored.content == event.content)
        #expect(stored.prevEvents == event.prevEvents && stored.authEvents == event.authEvents)
        #expect(stored.redacts == event.redacts && stored.depth == event.depth)
    }

    /// `object` with a member changed, added, or gone.
    private func mutated(_ object: JSONObject, _ random: inout FuzzGenerator) -> JSONObject {
        var object = object
        for _ in 0..<random.below(3) {
            switch random.below(4) {
            case 0 where !object.isEmpty: object[random.pick(object.members.map(\.key))] = random.json(depth: 2)
            case 1 where !object.isEmpty: object[random.pick(object.members.map(\.key))] = nil
            default: object[random.text()] = random.json(depth: 2)
            }
        }
        return object
    }

    private enum RedactionFixture {
        static let types: [EventType] = [
            .create, .member, .joinRules, .powerLevels, .historyVisibility, .aliases, .redaction, .message,
        ]
        static let keys = [
            "membership", "join_authorised_via_users_server", "third_party_invite", "creator", "join_rule", "allow",
            "users", "events", "invite", "history_visibility", "aliases", "redacts",
        ]
    }
}
