import MatrixCore
import Testing

struct EventHashTests {
    @Test(arguments: HashVectors.all) func `hashes follow the specification's code`(_ vector: HashVectors.Vector) throws
    {
        let object = try JSONObject.parse(vector.event.utf8)
        for version in RoomVersion.supported {
            #expect(Base64.encode(try contentHash(object, version: version)) == vector.contentHash)
            let hash = Base64.encode(try referenceHash(object, version: version))
            #expect(hash == vector.referenceHash(in: version), "\(vector.type) in version \(version)")
        }
    }

    @Test func `the order of members changes no hash`() throws {
        for vector in HashVectors.all {
            let object = try JSONObject.parse(vector.event.utf8)
            let reversed = JSONObject(object.members.reversed().map { ($0.key, $0.value) })
            #expect(try referenceHash(reversed, version: .v11) == referenceHash(object, version: .v11))
        }
    }

    @Test func `the bytes signed are the redacted event's`() throws {
        for vector in HashVectors.all {
            let object = try JSONObject.parse(vector.event.utf8)
            for version in RoomVersion.supported {
                var redacted = redact(object, version: version)
                redacted["signatures"] = nil
                #expect(try signedBytes(of: object, version: version) == redacted.canonical())
            }
        }
    }

    /// Spec: Appendices, [Event signing](https://spec.matrix.org/v1.19/appendices/#event-signing).
    @Test(arguments: [
        (
            """
            {
                "room_id": "!x:domain", "sender": "@a:domain", "origin": "domain", "origin_server_ts": 1000000,
                "signatures": {}, "hashes": {}, "type": "X", "content": {}, "prev_events": [], "auth_events": [],
                "depth": 3, "unsigned": { "age_ts": 1000000 }
            }
            """,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"
        ),
        (
            """
            {
                "content": { "body": "Here is the message content" },
                "event_id": "$0:domain", "origin": "domain", "origin_server_ts": 1000000, "type": "m.room.message",
                "room_id": "!r:domain", "sender": "@u:domain", "signatures": {}, "unsigned": { "age_ts": 1000000 }
            }
            """,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"
        ),
    ]) func `the specification's examples of signed events`(_ text: String, _ hash: String, _ signature: String) throws
    {
        var object = try JSONObject.parse(text.utf8)
        #expect(Base64.encode(try contentHash(object, version: .v1)) == hash)
        object["hashes"] = ["sha256": .string(hash)]
        let signed = try signedBytes(of: object, version: .v1)
        #expect(Base64.encode(SigningKeyTests.specificationKey.sign(signed)) == signature)
    }
}
