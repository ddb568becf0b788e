import CPostgres

/// How to reach a PostgreSQL server, and with how many connections.
package struct PostgresParameters: Sendable {
    /// How many connections may be open: one writes, the others read.
    package var connectionLimit = 5

    /// Whether to accept a database whose text doesn't sort by code point, as SQLite's does.
    package var allowsUnsafeLocale = false

    /// The schemas in which names are looked up, and in the first of which tables are made; the server's own choice if
    /// empty.
    package var searchPath: [String] = []

    /// The schema in which a new database gets its tables: a word of small letters. Used only where nothing else
    /// chooses the schemas: an operator may set `search_path` for a role or a database, and older databases have their
    /// tables in `public`.
    package var schema: String?

    /// libpq's keywords and their values.
    private var keywords: [String: String] = [:]

    /// The database to connect to, if it was named.
    package var database: String? {
        get { keywords["dbname"] }
        set { keywords["dbname"] = newValue }
    }

    /// - Parameter arguments: What `psycopg2.connect` takes (libpq's keywords; also `database`, and `dsn` for a whole
    ///   connection string), and `cp_min`, `cp_max` for the number of connections.
    /// - Throws: ``SQLError`` naming an argument libpq doesn't know, or a count that isn't one.
    package init(arguments: [String: String]) throws(SQLError) {
        try Self.loadLibrary()
        for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "dsn":
                keywords.merge(try PostgresParameters.parse(value)) { explicit, _ in explicit }
            case "cp_max":
                guard let count = Int(value), count > 0 else {
                    throw SQLError(.other, "cp_max must be a positive number, not \(value)")
                }
                connectionLimit = count
            case _ where name.hasPrefix("cp_"):
                // Settings of Twisted's pool. Ours opens connections when they are needed and reopens lost ones.
                break
            default:
                let keyword = name == "database" ? "dbname" : name
                guard PostgresParameters.known.contains(keyword) else {
                    throw SQLError(.other, "\(name) is not a connection parameter of PostgreSQL's client library")
                }
                keywords[keyword] = value
            }
        }
    }

    /// - Parameter connectionString: In libpq's forms: `"host=127.0.0.1 dbname=axolemma"` or `"postgresql://…"`.
    package init(connectionString: String) throws(SQLError) {
        try Self.loadLibrary()
        keywords = try PostgresParameters.parse(connectionString)
    }

    /// What libpq is given: its keywords beside those every connection of ours needs.
    package var settings: [String: String] {
        // A text encoding other than ours would be a silent corruption, so that isn't the operator's choice.
        let own = ["client_encoding": "UTF8"]
        let defaults = ["fallback_application_name": "axolemma", "connect_timeout": "10"]
        return keywords.merging(own) { _, own in own }.merging(defaults) { chosen, _ in chosen }
    }

    /// The same in one text, for another program's libpq. It may hold a password.
    package var connectionString: String {
        settings.sorted { $0.key < $1.key }.map { keyword, value in
            "\(keyword)='\(value.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
        }.joined(separator: " ")
    }

    /// Loads libpq, which nothing needs until somebody wants a PostgreSQL.
    private static func loadLibrary() throws(SQLError) {
        guard let reason = libpq_load() else { return }
        throw SQLError(
            .other,
            "PostgreSQL's client library cannot be loaded: \(String(cString: reason)). Install it (Debian: libpq5)")
    }

    /// The keywords this libpq knows.
    private static let known: Set<String> = {
        guard let options = PQconndefaults() else { return [] }
        defer { PQconninfoFree(options) }
        return Set(read(options).map(\.keyword))
    }()

    private static func parse(_ connectionString: String) throws(SQLError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(connectionString, &message) else {
            defer { PQfreemem(message) }
            throw SQLError(.other, message.map { trimmed(String(cString: $0)) } ?? "out of memory")
        }
        defer { PQconninfoFree(options) }
        var keywords: [String: String] = [:]
        for (keyword, value) in read(options) {
            keywords[keyword] = value
        }
        return keywords
    }

    private static func read(
        _ options: UnsafeMutablePointer<PQconninfoOption>
    ) -> [(keyword: String, value: String?)] {
        var found: [(keyword: String, value: String?)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            found.append((String(cString: keyword), option.pointee.val.map { String(cString: $0) }))
            option += 1
        }
        return found
    }
}

/// `message` without the line break libpq ends its messages with.
func trimmed(_ message: String) -> String {
    var rest = message[...]
    while rest.last?.isWhitespace == true {
        rest.removeLast()
    }
    return String(rest)
}
