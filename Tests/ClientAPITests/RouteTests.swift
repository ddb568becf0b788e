import Homeserver
import Testing
import WebServer

@Suite struct RouteTests {
    @Test func `every endpoint of the specification is served, or known not to be`() async throws {
        let specified = try SpecifiedEndpoint.clientServer()
        #expect(specified.count > 150)
        try await withEndpoints { endpoints in
            let served = Set(endpoints.map(\.name))
            let missing = specified.filter { !served.contains($0.name) && !RouteTable.isNotYet($0) }
            #expect(missing.map(\.name) == [])
            // Whatever is served must be struck off the lists of what is not.
            let surprising = specified.filter { served.contains($0.name) && RouteTable.isNotYet($0) }
            // Inviting by address has the path of inviting by ID.
            #expect(surprising.map(\.name) == [])
        }
    }

    @Test func `the lists of what is not served name what the specification has`() throws {
        let specified = try SpecifiedEndpoint.clientServer()
        #expect(RouteTable.filesNotYet.subtracting(specified.map(\.file)) == [])
        #expect(RouteTable.endpointsNotYet.subtracting(specified.map(\.name)) == [])
        #expect(Set(RouteTable.closed.keys).subtracting(specified.map(\.name)) == [])
    }

    @Test func `nothing is served that neither the specification nor a list names`() async throws {
        let known = Set(try SpecifiedEndpoint.clientServer().map(\.name)).union(RouteTable.additions)
        try await withEndpoints { endpoints in
            let clients = endpoints.filter { !$0.path.hasPrefix("/_synapse/") }
            #expect(clients.map(\.name).filter { !known.contains($0) } == [])
        }
    }

    @Test func `an endpoint asks for an access token if the specification does`() async throws {
        let specified = Dictionary(try SpecifiedEndpoint.clientServer().map { ($0.name, $0.auth) }) { first, _ in first
        }
        try await withEndpoints { endpoints in
            for endpoint in endpoints where RouteTable.closed[endpoint.name] == nil {
                guard let auth = specified[endpoint.name] else { continue }
                let fits =
                    switch endpoint.access {
                    case .anyone: auth == "no"
                    case .optional: auth != "yes"
                    case .user, .admin: auth == "yes"
                    }
                #expect(fits, "\(endpoint.name) has \(endpoint.access), the specification \(auth)")
            }
        }
    }

    @Test func `who is expired may log out, ask for a renewal and for versions`() async throws {
        try await withEndpoints { endpoints in
            let open = endpoints.filter(\.admitsExpiredAccounts).map(\.name)
            #expect(
                Set(open) == [
                    "GET /_matrix/client/versions", "POST /_matrix/client/v3/account_validity/send_mail",
                    "POST /_matrix/client/v3/logout", "POST /_matrix/client/v3/logout/all",
                ])
        }
    }

    @Test func `the list of public rooms is open to anyone if the configuration says so`() async throws {
        for isOpen in [false, true] {
            try await withEndpoints(configure: { $0.showsDirectoryToAnyone = isOpen }) { endpoints in
                let list = endpoints.first { $0.name == "GET /_matrix/client/v3/publicRooms" }
                #expect(list?.access == (isOpen ? .optional : .user(guests: true)))
            }
        }
    }

    @Test func `every path is Synapse's, old prefixes included`() async throws {
        let rows = try Fixture("synapse-routes.csv").rows
        let known = Set(
            rows.flatMap { row in
                Self.variants(row["path"] ?? "").map { "\(row["method"] ?? "") \(Self.anonymous($0))" }
            })
        try await withEndpoints { endpoints in
            var served: Set<String> = []
            // Synapse's table holds what its router serves, which the well-known page is no part of.
            for endpoint in endpoints where !endpoint.path.hasPrefix("/.well-known/") {
                for path in endpoint.paths { served.insert("\(endpoint.method.rawValue) \(Self.anonymous(path))") }
            }
            #expect(served.subtracting(known).sorted() == [])
            // What is served at one of its paths is served at all of them.
            for row in rows where row["available"] == "always" {
                let paths = Self.variants(row["path"] ?? "").map { "\(row["method"] ?? "") \(Self.anonymous($0))" }
                guard paths.contains(where: served.contains) else { continue }
                #expect(paths.filter { !served.contains($0) } == [])
            }
        }
    }

    /// The paths that a row of Synapse's stands for: `(a|b)` and `{name=a|b}` are either, `(/c)?` is with or without.
    private static func variants(_ path: String) -> [String] {
        if let choice = path.firstRange(of: /\{\w+=[^}|]*\|[^}]*\}/), let equals = path[choice].firstIndex(of: "=") {
            let words = path[choice][equals...].dropFirst().dropLast()
            return variants(String(path[..<choice.lowerBound] + "(\(words))" + path[choice.upperBound...]))
        }
        guard let open = path.firstIndex(of: "(") else { return [path] }
        var depth = 0
        var parts = [""]
        var index = open
        repeat {
            let character = path[index]
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if depth == 1, character == "|" {
                parts.append("")
            } else if depth > 0, !(depth == 1 && character == "(") {
                parts[parts.count - 1].append(character)
            }
            index = path.index(after: index)
        } while depth > 0 && index < path.endIndex
        var rest = path[index...]
        if rest.first == "?" {
            parts.append("")
            rest = rest.dropFirst()
        }
        return parts.flatMap { variants(String(path[..<open]) + $0 + String(rest)) }
    }

    /// A path without the names of its parameters.
    private static func anonymous(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { $0.hasPrefix("{") ? "{}" : $0 }
            .joined(separator: "/")
    }
}
