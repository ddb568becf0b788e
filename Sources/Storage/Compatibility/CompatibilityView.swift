import SQLEngine

/// A table of Synapse's as modules see it: a view over our tables, which nobody writes to.
package struct CompatibilityView: Hashable, Sendable {
    /// Synapse's name for the table.
    package let name: String
    /// What the view selects.
    package let select: String
    /// What a module is told to do instead of writing, such as `use ModuleApi.register_user`.
    package let instead: String

    init(_ name: String, instead: String, _ select: String) {
        self.name = name
        self.instead = instead
        self.select = select
    }

    /// What a statement that would write gets to read.
    package var refusal: String {
        "\(name) shows the server's own data, which modules read and do not write; \(instead)"
    }
}

/// How an engine writes what the views are made of. Everything else in them is the same text for both.
struct ViewDialect {
    let engine: Engine
    /// The schema our tables are in.
    let schema: String

    /// One of our tables.
    func table(_ name: String) -> String { "\(schema).\(name)" }

    /// JSON that is stored as bytes, as text.
    func text(_ bytes: String) -> String {
        switch engine {
        case .sqlite: "CAST(\(bytes) AS TEXT)"
        case .postgresql: "convert_from(\(bytes), 'UTF8')"
        }
    }

    /// A member of stored JSON, as text; null if there is none.
    func member(_ bytes: String, _ path: [String]) -> String {
        switch engine {
        case .sqlite:
            "json_extract(\(text(bytes)), '$\(path.map { ".\"\($0)\"" }.joined())')"
        case .postgresql:
            // No text of PostgreSQL's holds U+0000; as its JSON functions stop at its escape, it is replaced first.
            "(CAST(replace(\(text(bytes)), '\\u0000', '\\ufffd') AS json) #>> '{\(path.joined(separator: ","))}')"
        }
    }

    /// The part of a user ID between `@` and `:`.
    func localpart(_ user: String) -> String {
        let find = engine == .sqlite ? "instr" : "strpos"
        return "substr(\(user), 2, \(find)(\(user), ':') - 2)"
    }

    /// The part of an alias after the first `:`.
    func server(_ alias: String) -> String {
        let find = engine == .sqlite ? "instr" : "strpos"
        return "substr(\(alias), \(find)(\(alias), ':') + 1)"
    }

    /// The word for a membership's number.
    func membership(_ number: String) -> String {
        """
        CASE \(number) WHEN 1 THEN 'join' WHEN 2 THEN 'invite' WHEN 3 THEN 'knock' WHEN 4 THEN 'leave' \
        WHEN 5 THEN 'ban' END
        """
    }

    /// The number of the pair of a type and the empty state key.
    func stateKey(_ type: String) -> String {
        "(SELECT number FROM \(table("state_keys")) WHERE type = '\(type)' AND state_key = '')"
    }

    /// A part of the event that is a room's current state of a type, with the empty state key.
    func state(of room: String, _ type: String, _ path: [String]) -> String {
        """
        (SELECT \(member("sj.pdu", path)) FROM \(table("current_state")) sc \
        JOIN \(table("event_json")) sj ON sj.event = sc.event \
        WHERE sc.room = \(room) AND sc.state_key = \(stateKey(type)))
        """
    }
}
