import MatrixCore

/// What this server's users, and modules in their place, may not say. None of it holds for other servers' events.
extension EventIntent {
    /// What the content lacks of what every event of its type has; `nil` for nothing.
    var contentFault: String? {
        let required: [String]
        switch type {
        case .message: required = ["body", "msgtype"]
        case .topic: required = ["topic"]
        case .name: required = ["name"]
        case .tombstone: return content.contains("replacement_room") ? nil : "Content has no replacement_room key"
        default: return nil
        }
        for key in required {
            guard let value = content[key] else { return "'\(key)' not in content" }
            if value.stringValue == nil { return "'\(key)' not a string type" }
        }
        return nil
    }

    /// Refuses content that nobody could make sense of, or that would lock this server out. Comes after modules had their say.
    /// - Throws: 400.
    func checkContent(on server: ServerName) throws(MatrixError) {
        switch type {
        case .powerLevels: try checkPowerLevels()
        case .serverACL:
            guard ServerACL(content).admits(server) else {
                throw .unknown("Can't create an ACL event that denies the local server")
            }
        case "m.room.retention": try checkRetention()
        default: break
        }
        if let mentions = content["m.mentions"] { try Self.check(mentions: mentions) }
    }

    private static func mistyped(_ key: String?, _ value: JSON, _ type: String) -> MatrixError {
        let place = key.map { "\"\($0)\": " } ?? ""
        return .badJSON("\(place)\(value.pythonDescription) is not of type '\(type)'")
    }

    private static let levels = [
        "users_default", "events_default", "state_default", "ban", "redact", "kick", "invite",
    ]

    private func checkPowerLevels() throws(MatrixError) {
        for key in Self.levels {
            if let level = content[key], level.integerValue == nil { throw Self.mistyped(key, level, "integer") }
        }
        for key in ["events", "users", "notifications"] {
            guard let value = content[key] else { continue }
            guard let levels = value.objectValue else { throw Self.mistyped(key, value, "object") }
            for (name, level) in levels where level.integerValue == nil {
                throw Self.mistyped(name, level, "integer")
            }
        }
        for (user, _) in content.object("users") ?? [:] where UserID(user) == nil {
            throw .unknown("Not a valid user_id: \(user)")
        }
    }

    private func checkRetention() throws(MatrixError) {
        guard stateKey != nil else { throw .unknown("must be a state event") }
        for key in ["min_lifetime", "max_lifetime"] {
            if let value = content[key], value.integerValue == nil { throw .badJSON("'\(key)' must be an integer") }
        }
        if let least = content.integer("min_lifetime"), let most = content.integer("max_lifetime"), least > most {
            throw .badJSON("'min_lifetime' can't be greater than 'max_lifetime'")
        }
    }

    /// Spec: Client-Server API, [User and room mentions](https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions).
    private static func check(mentions: JSON) throws(MatrixError) {
        guard let mentions = mentions.objectValue else { throw mistyped(nil, mentions, "object") }
        if let users = mentions["user_ids"] {
            guard let users = users.arrayValue else { throw mistyped("user_ids", users, "array") }
            for user in users where user.stringValue == nil { throw mistyped("user_ids", user, "string") }
        }
        if let room = mentions["room"], room.boolValue == nil { throw mistyped("room", room, "boolean") }
    }
}

/// Which servers `m.room.server_acl` lets take part in a room.
///
/// Spec: Client-Server API, [Server ACLs](https://spec.matrix.org/v1.19/client-server-api/#server-access-control-lists-acls-for-rooms).
struct ServerACL {
    private let allowed: [String]
    private let denied: [String]
    private let allowsIPLiterals: Bool

    init(_ content: JSONObject) {
        func patterns(_ key: String) -> [String] { (content.array(key) ?? []).compactMap(\.stringValue) }
        allowed = patterns("allow")
        denied = patterns("deny")
        allowsIPLiterals = content.bool("allow_ip_literals") ?? true
    }

    func admits(_ server: ServerName) -> Bool {
        let host = Self.withoutPort(Array(server.string.utf8))
        if !allowsIPLiterals, Self.isIPLiteral(host) { return false }
        if denied.contains(where: { Self.matches($0, host) }) { return false }
        return allowed.contains { Self.matches($0, host) }
    }

    private static func withoutPort(_ name: [UInt8]) -> [UInt8] {
        guard let colon = name.lastIndex(of: UInt8(ascii: ":")),
            name[(colon + 1)...].allSatisfy({ (0x30...0x39).contains($0) })
        else { return name }
        return Array(name[..<colon])
    }

    private static func isIPLiteral(_ host: [UInt8]) -> Bool {
        if host.first == UInt8(ascii: "[") { return true }
        let parts = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy { (0x30...0x39).contains($0) } }
    }

    /// `*` stands for any text and `?` for one character; the case of letters does not count.
    private static func matches(_ pattern: String, _ host: [UInt8]) -> Bool {
        let pattern = pattern.utf8.map(lowercased)
        var (position, index) = (0, 0)
        var star: (pattern: Int, host: Int)?
        while index < host.count {
            if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
                star = (position, index)
                position += 1
            } else if position < pattern.count,
                pattern[position] == UInt8(ascii: "?") || pattern[position] == lowercased(host[index])
            {
                position += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.host + 1)
                (position, index) = (last.pattern + 1, last.host + 1)
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}

extension JSON {
    /// The value as Python prints it, which is how error texts of Synapse show values.
    var pythonDescription: String {
        switch self {
        case .null: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): value.contains("'") && !value.contains("\"") ? "\"\(value)\"" : "'\(value)'"
        case .array(let values): "[\(values.map(\.pythonDescription).joined(separator: ", "))]"
        case .object(let object):
            "{\(object.map { "'\($0.key)': \($0.value.pythonDescription)" }.joined(separator: ", "))}"
        }
    }
}
