import WebServer

/// `docs/compatibility.md`: which endpoints of the specification and of Synapse are served.
struct CompatibilityPage {
    private let served: [String: Endpoint]
    private var text = ""

    init(_ endpoints: [Endpoint]) throws {
        served = Dictionary(endpoints.map { ($0.name, $0) }) { first, _ in first }
        let specified = try SpecifiedEndpoint.clientServer()
        let admin = try Fixture("synapse-admin.csv").rows.filter { $0["group"] == "admin" }
        let federation = try Fixture("endpoints.csv").rows.filter { $0["api"] == "server-server" }
        appendHead(specified, admin: admin.count, federation: federation.count)
        appendClientServer(specified)
        appendAdmin(admin)
    }

    var markdown: String { text }

    private mutating func appendHead(_ specified: [SpecifiedEndpoint], admin: Int, federation: Int) {
        let names = Set(specified.map(\.name))
        let there = names.filter { served[$0] != nil }.count
        let adminThere = served.keys.filter { $0.contains(" /_synapse/admin/") }.count
        text += """
            # Compatibility

            Which endpoints of the Matrix specification (1.19) and of Synapse's administration are there. Options are in
            [options.md](options.md), module callbacks in [modules](modules/README.md).
            (Written by `make docs` from the table of routes; a test fails if this page and the routes differ.)

            | | there | of |
            |---|---|---|
            | Client-Server API | \(there) | \(names.count) |
            | Server-Server API | 0 | \(federation) |
            | Synapse's admin API | \(adminThere) | \(admin) |

            ## Client-Server API

            *Also at* names older prefixes that are served alike. *Token* says whether a request needs an access token; “guests” are
            let in where the specification lets them.

            """
    }

    private mutating func appendClientServer(_ specified: [SpecifiedEndpoint]) {
        for chapter in Set(specified.map(\.chapter)).sorted() {
            text += "\n### \(chapter)\n\n| Endpoint | | Token | Also at |\n|---|---|---|---|\n"
            var seen: Set<String> = []
            for row in specified.filter({ $0.chapter == chapter }) where seen.insert(row.name).inserted {
                append(row)
            }
        }
    }

    private mutating func append(_ row: SpecifiedEndpoint) {
        let name = "`\(row.method)` `\(row.path)`"
        guard let endpoint = served[row.name] else {
            text += "| \(name) | \(row.isDeprecated ? "not yet (deprecated)" : "not yet") | | |\n"
            return
        }
        let token =
            switch endpoint.access {
            case .anyone: "no"
            case .optional: "optional"
            case .user(let guests): guests ? "yes, guests" : "yes"
            case .admin: "administrator's"
            }
        let note = RouteTable.closed[row.name].map { ", \($0)" } ?? ""
        text += "| \(name) | there | \(token)\(note) | \(Self.list(endpoint.aliases)) |\n"
    }

    private static func list(_ aliases: [String]) -> String {
        aliases.map { "`\($0)`" }.joined(separator: " ")
    }

    private mutating func appendAdmin(_ rows: [[String: String]]) {
        text += """

            ## Synapse's admin API

            | Endpoint | |
            |---|---|

            """
        for row in rows {
            let (method, path) = (row["method"] ?? "", row["path"] ?? "")
            let state = served["\(method) \(path)"] == nil ? "not yet" : "there"
            text += "| `\(method)` `\(path)` | \(state) |\n"
        }
    }
}
