import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct DirectoryRulesTests {
    let alice = UserID(trusted: "@alice:example.com")
    let bob = UserID(trusted: "@bob:example.com")
    let room = RoomID(trusted: "!r:example.com")

    @Test func `without rules anybody may create aliases and nobody may publish`() throws {
        let directory = try Configuration.load(yaml: minimal).directory
        let alias = RoomAlias(trusted: "#a:example.com")
        #expect(directory.aliasRules.allow(user: alice, room: room, aliases: [alias]))
        #expect(!directory.publicationRules.allow(user: alice, room: room, aliases: []))
    }

    @Test func `the first rule that matches decides, and none is a no`() throws {
        let directory = try Configuration.load(
            yaml: minimal + """
                alias_creation_rules:
                  - {user_id: "@bob:*", action: deny}
                  - {alias: "#public-*:example.com"}
                  - {user_id: "@alice:*", room_id: "!r:*", action: allow}
                room_list_publication_rules: [{alias: "#news*", action: deny}, {action: allow}]

                """
        ).directory
        let free = RoomAlias(trusted: "#x:example.com")
        let open = RoomAlias(trusted: "#Public-1:example.com")
        #expect(!directory.aliasRules.allow(user: bob, room: room, aliases: [open]))
        #expect(directory.aliasRules.allow(user: alice, room: room, aliases: [free]))
        #expect(!directory.aliasRules.allow(user: alice, room: RoomID(trusted: "!q:example.com"), aliases: [free]))
        #expect(directory.aliasRules.allow(user: alice, room: RoomID(trusted: "!q:example.com"), aliases: [open]))
        #expect(directory.publicationRules.allow(user: bob, room: room, aliases: []))
        #expect(
            !directory.publicationRules.allow(
                user: bob, room: room, aliases: [free, RoomAlias(trusted: "#news1:example.com")]))
        #expect(faults(minimal + "alias_creation_rules: [{action: maybe}]\n").count == 1)
    }

    @Test(arguments: [
        ("*", "", true), ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "acb", false), ("A?c", "abC", true),
        ("a?c", "a\u{E9}c", true), ("**a**", "bab", true), ("", "", true), ("", "a", false), ("a", "ab", false),
        ("*ab*ab", "abxabab", true),
    ])
    func `globs match whole texts`(pattern: String, text: String, matches: Bool) {
        #expect(Glob(pattern).matches(text) == matches)
    }

    @Test func `a glob of many stars is quick`() {
        let pattern = Glob(String(repeating: "*a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 20_000)))
    }
}
