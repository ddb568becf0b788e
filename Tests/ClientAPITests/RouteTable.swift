import WebServer

/// One endpoint of the specification's tables.
struct SpecifiedEndpoint {
    let method: String
    let path: String
    /// `yes`, `no` or `optional`.
    let auth: String
    let isDeprecated: Bool
    /// The file of the specification's data that describes it, without directory and extension.
    let file: String
    /// The part of the API it belongs to, such as `Rooms`.
    let chapter: String
    let operation: String

    var name: String { "\(method) \(path)" }

    /// What a homeserver serves to clients; two operations may share one endpoint.
    static func clientServer() throws -> [SpecifiedEndpoint] {
        try Fixture("endpoints.csv").rows.filter { $0["api"] == "client-server" && $0["role"] == "server" }.map { row in
            let file = row["spec_file"] ?? ""
            return SpecifiedEndpoint(
                method: row["method"] ?? "", path: row["path"] ?? "", auth: row["auth"] ?? "",
                isDeprecated: row["deprecated"] == "yes",
                file: file.split(separator: "/").last?.split(separator: ".").first.map { String($0) } ?? "",
                chapter: (row["section"] ?? "").split(separator: ">").first.map { $0.trimmed } ?? "",
                operation: row["operationId"] ?? "")
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension Endpoint {
    var name: String { "\(method.rawValue) \(path)" }
}

/// What the tables do not say of this server.
enum RouteTable {
    /// Files of the specification of which nothing is served yet.
    static let filesNotYet: Set<String> = [
        "admin", "appservice_ping",
        "appservice_room_directory", "authed-content-repo", "content-repo", "cross_signing", "key_backup", "keys",
        "login_token", "mutual_rooms", "notifications", "oauth_server_metadata", "old_sync", "openid",
        "peeking_events", "presence", "pusher", "pushrules", "read_markers", "receipts",
        "refresh", "report_content", "room_initial_sync", "room_summary", "search",
        "space_hierarchy", "sso_login_redirect", "support", "tags", "third_party_lookup", "threads_list", "to_device",
        "typing", "users", "voip",
    ]

    /// Single endpoints that are not served yet, of files of which others are.
    static let endpointsNotYet: Set<String> = [
        "POST /_matrix/client/v3/account/3pid",
        "POST /_matrix/client/v3/account/3pid/add",
        "POST /_matrix/client/v3/account/3pid/bind",
        "POST /_matrix/client/v3/account/3pid/delete",
        "POST /_matrix/client/v3/account/3pid/email/requestToken",
        "POST /_matrix/client/v3/account/3pid/msisdn/requestToken",
        "POST /_matrix/client/v3/account/3pid/unbind",
        "POST /_matrix/client/v3/account/password/email/requestToken",
        "POST /_matrix/client/v3/account/password/msisdn/requestToken",
        "POST /_matrix/client/v3/register/email/requestToken",
        "POST /_matrix/client/v3/register/msisdn/requestToken",
    ]

    /// What is served to clients beside the specification.
    static let additions: Set<String> = [
        "GET /_matrix/client/v3/account_validity/renew",
        "POST /_matrix/client/v3/account_validity/send_mail",
    ]

    /// Endpoints that ask for an access token though the specification does not, and why.
    static let closed: [String: String] = [
        "GET /_matrix/client/v3/publicRooms": "unless `allow_public_rooms_without_auth` is set, as in Synapse"
    ]

    static func isNotYet(_ endpoint: SpecifiedEndpoint) -> Bool {
        filesNotYet.contains(endpoint.file) || endpointsNotYet.contains(endpoint.name)
    }
}
