/// Which database, and how to reach it. Synapse's manual: `database`.
package enum DatabaseSettings: Sendable, Hashable {
    case sqlite(SQLiteSettings)
    case postgresql(PostgreSQLSettings)
}

package struct SQLiteSettings: Sendable, Hashable {
    package enum Synchronous: String, Sendable, CaseIterable {
        /// An answered request is on disk.
        case full = "FULL"
        /// The last moments before a loss of power may be missing afterwards; a crash of the server loses nothing.
        case normal = "NORMAL"
    }

    /// `database.args.database`
    package var path: String
    /// `database.args.synchronous`, an option of ours.
    package var synchronous: Synchronous

    package init(path: String, synchronous: Synchronous = .full) { (self.path, self.synchronous) = (path, synchronous) }
}

package struct PostgreSQLSettings: Sendable, Hashable {
    /// libpq's connection parameters, in the order given: `host`, `port`, `dbname`, `user`, `password`, `sslmode`, …
    package var parameters: [Parameter]
    /// `cp_min` and `cp_max`: how many connections are held open.
    package var connections: ClosedRange<Int>
    /// `database.allow_unsafe_locale`: whether a database with another collation than `C` is taken.
    package var allowsUnsafeLocale: Bool

    package struct Parameter: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    package init(parameters: [Parameter], connections: ClosedRange<Int> = 5...10, allowsUnsafeLocale: Bool = false) {
        (self.parameters, self.connections, self.allowsUnsafeLocale) = (parameters, connections, allowsUnsafeLocale)
    }
}

extension DatabaseSettings {
    init(_ options: OptionReader, dataDirectory: String) {
        let database = options.options("database")
        let args = database.options("args")
        switch database.text("name") ?? "sqlite3" {
        case "psycopg2":
            self = .postgresql(
                PostgreSQLSettings(args, allowsUnsafeLocale: database.bool("allow_unsafe_locale") ?? false))
        case "sqlite3":
            self = .sqlite(SQLiteSettings(args, dataDirectory: dataDirectory))
        case let name:
            database.fail(
                "name", "'\(name)' is not a database engine", fix: "use 'sqlite3', or 'psycopg2' for PostgreSQL")
            self = .sqlite(SQLiteSettings(path: "\(dataDirectory)/homeserver.db"))
        }
    }

    /// The directory of an SQLite file.
    var sqliteDirectory: String? {
        if case .sqlite(let settings) = self, settings.path != ":memory:" {
            Files.directory(of: settings.path)
        } else {
            nil
        }
    }
}

extension SQLiteSettings {
    init(_ args: OptionReader, dataDirectory: String) {
        path = args.text("database") ?? "\(dataDirectory)/homeserver.db"
        synchronous = .full
        switch args.string("synchronous")?.uppercased() {
        case nil, "FULL", "EXTRA": break
        case "NORMAL": synchronous = .normal
        case let value?:
            args.fail(
                "synchronous", "'\(value)' is not possible",
                fix: "use FULL, or NORMAL to trade the last moments before a power cut for speed")
        }
        for member in args.members
        where !["database", "synchronous", "check_same_thread", "timeout"].contains(member.key)
            && !member.key.hasPrefix("cp_")
        {
            args.warn(member.key, "not an argument of sqlite3, ignored", fix: "'name: psycopg2' is PostgreSQL")
        }
    }
}

extension PostgreSQLSettings {
    init(_ args: OptionReader, allowsUnsafeLocale: Bool) {
        self.allowsUnsafeLocale = allowsUnsafeLocale
        let least = args.integer("cp_min", in: 1...1000) ?? 5
        let most = args.integer("cp_max", in: 1...1000) ?? max(10, least)
        if least > most { args.fail("cp_min", "greater than 'cp_max'", fix: "exchange the two") }
        connections = min(least, most)...max(least, most)
        parameters = []
        for member in args.members where !member.key.hasPrefix("cp_") && !member.value.isNull {
            let name = member.key == "database" ? "dbname" : member.key
            guard Self.libpqParameters.contains(name) else {
                args.warn(member.key, "not a connection parameter of PostgreSQL, ignored")
                continue
            }
            if parameters.contains(where: { $0.name == name }) {
                args.fail(member.key, "'database' and 'dbname' mean the same", fix: "keep one of the two")
                continue
            }
            switch member.value.value {
            case .string(let value): parameters.append(Parameter(name, value))
            case .integer(let value): parameters.append(Parameter(name, String(value)))
            case .bool(let value): parameters.append(Parameter(name, value ? "1" : "0"))
            default:
                args.fail(
                    member.key, "expected a string or a whole number, found \(member.value.kind)",
                    fix: "put the value in quotes")
            }
        }
    }

    /// The names libpq takes.
    ///
    /// [Parameter key words](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS).
    private static let libpqParameters: Set<String> = [
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname",
        "fallback_application_name", "gssdelegation", "gssencmode", "gsslib", "host", "hostaddr", "keepalives",
        "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "load_balance_hosts",
        "max_protocol_version",
        "min_protocol_version", "options", "passfile", "password", "port", "require_auth", "requirepeer", "service",
        "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression", "sslcrl",
        "sslcrldir", "sslkey", "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
        "target_session_attrs", "tcp_user_timeout", "user",
    ]
}
