import MatrixCore
import Testing

/// Spec: Appendices, [Identifier grammar](https://spec.matrix.org/v1.19/appendices/#identifier-grammar).
struct IdentifierTests {
    @Test(
        arguments: [
            ("matrix.org", "matrix.org", nil), ("matrix.org:8888", "matrix.org", 8888), ("1.2.3.4", "1.2.3.4", nil),
            ("1.2.3.4:1234", "1.2.3.4", 1234), ("[1234:5678::abcd]", "[1234:5678::abcd]", nil),
            ("[1234:5678::abcd]:5678", "[1234:5678::abcd]", 5678), ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", nil),
            ("UPPER.example", "UPPER.example", nil), ("x", "x", nil), ("a-b.c:0", "a-b.c", 0),
        ] as [(String, String, Int?)])
    func `a server name has a host and perhaps a port`(_ text: String, _ host: String, _ port: Int?) throws {
        let name = try #require(ServerName(text))
        #expect(name.string == text)
        #expect(name.host == host)
        #expect(name.port == port)
    }

    @Test(arguments: [
        "", ":", ":80", "a:", "a:b", "a:123456", "a:-1", "a:1 ", "a b", "a_b", "é.example", "[", "[]", "[1", "[:]",
        "[::1", "[::1]8", "[::1]:", "[::g]", "[::1]:\u{301}8", "a\u{301}.org", "a:\u{301}1", "a.org:80:80", "a/b",
        "a\0",
        "[12345678901234567890123456789012345678901234567]", String(repeating: "a", count: 256),
    ]) func `what is no server name is refused`(_ text: String) {
        #expect(ServerName(text) == nil)
    }

    @Test(arguments: [("1.2.3.4", true), ("1.2.3.4:5", true), ("[::1]:8", true), ("a.b.c.d", false), ("1.2.3", false)])
    func `an address is told from a name`(_ text: String, _ isAddress: Bool) {
        #expect(ServerName(text)?.isAddress == isAddress)
    }

    @Test(arguments: [
        ("@alice:example.org", "alice", "example.org"), ("@a:1.2.3.4:80", "a", "1.2.3.4:80"), ("@:x", "", "x"),
        ("@Ä b\n@#:x", "Ä b\n@#", "x"), ("@a:[::1]:8", "a", "[::1]:8"), ("@\u{301}:x", "\u{301}", "x"),
    ]) func `a user ID has a local part, of old any, and a server`(
        _ text: String, _ localpart: String, _ server: String
    )
        throws
    {
        let user = try #require(UserID(text))
        #expect(user.string == text)
        #expect(user.localpart.hasSameBytes(as: localpart))
        #expect(user.server.string == server)
        #expect(UserID(localpart: localpart, server: user.server) == user)
    }

    @Test(arguments: [
        "", "@", "@a", "a:b", "@a:", "@a:b c", "#a:b", "@a\0:b", "@a:b\0", "@a:b:c", " @a:b", "@a\u{301}",
    ])
    func `what is no user ID is refused`(_ text: String) {
        #expect(UserID(text) == nil)
    }

    @Test func `an identifier may have 255 bytes`() {
        let longest = "@" + String(repeating: "é", count: 126) + ":x"
        #expect(longest.utf8.count == 255)
        #expect(UserID(longest) != nil)
        #expect(UserID(longest + "y") == nil)
        #expect(EventID("$" + String(repeating: "a", count: 254)) != nil)
        #expect(EventID("$" + String(repeating: "a", count: 255)) == nil)
        #expect(RoomID("!" + String(repeating: "a", count: 254)) != nil)
        #expect(RoomID("!" + String(repeating: "a", count: 255)) == nil)
    }

    @Test func `a local part cannot smuggle in a server`() {
        #expect(UserID(localpart: "a:evil.example", server: ServerName(trusted: "80")) == nil)
        #expect(RoomAlias(localpart: "a:evil.example", server: ServerName(trusted: "80")) == nil)
    }

    @Test(arguments: [
        ("a", true), ("a-z_0.9=/+", true), ("", false), ("A", false), ("é", false), ("a b", false), ("a:b", false),
        ("a\u{301}", false),
    ]) func `new users have a local part of few characters`(_ localpart: String, _ isValid: Bool) {
        #expect(UserID.isValidLocalpart(localpart) == isValid)
    }

    @Test func `a room ID is opaque, with or without a server`() {
        #expect(RoomID("!a:example.org")?.server == ServerName("example.org"))
        #expect(RoomID("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM")?.server == nil)
        for text in ["", "!", "a:b", "!a:", "!a:b c", "!a\0", "!a\0:b", "#a:b"] { #expect(RoomID(text) == nil) }
    }

    @Test func `an event ID is opaque`() {
        #expect(EventID("$a:example.org")?.server == ServerName("example.org"))
        #expect(EventID("$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk")?.server == nil)
        #expect(EventID("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg") != nil)
        for text in ["", "$", "a", "!a", "$a\0"] { #expect(EventID(text) == nil) }
    }

    @Test func `a room alias has a local part and a server`() {
        #expect(RoomAlias("#a b/c:example.org")?.localpart == "a b/c")
        #expect(RoomAlias("#a:example.org:80")?.server == ServerName("example.org:80"))
        for text in ["", "#", "#a", "#a:", "#a\0:b", "@a:b"] { #expect(RoomAlias(text) == nil) }
    }

    @Test func `identifiers and state keys are compared by bytes`() {
        let composed = UserID(trusted: "@caf\u{e9}:x")
        let decomposed = UserID(trusted: "@cafe\u{301}:x")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(StateKey("t", "caf\u{e9}") != StateKey("t", "cafe\u{301}"))
        #expect(Set([StateKey("t", "caf\u{e9}"), StateKey("t", "cafe\u{301}")]).count == 2)
        #expect(StateKey("a", "z") < StateKey("b", "a"))
        #expect(StateKey("a", "a") < StateKey("a", "b"))
    }

    @Test func `a membership is spelled exactly`() {
        #expect(Membership(bytesOf: "join") == .join)
        #expect(Membership(bytesOf: "Join") == nil)
        #expect(Membership(bytesOf: "") == nil)
    }
}
