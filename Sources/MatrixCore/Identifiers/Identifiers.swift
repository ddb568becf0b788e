/// A common identifier: a sigil, an opaque or local part, and for most a server name.
///
/// Spec: Appendices, [Common identifier format](https://spec.matrix.org/v1.19/appendices/#common-identifier-format).
public protocol MatrixIdentifier: ByteComparable {
    /// Reads an identifier; `nil` if `string` does not have the form, or is longer than 255 bytes.
    init?(_ string: String)
}

/// The longest an identifier may be, in bytes, sigil and server name included.
let maximumIdentifierBytes = 255

/// Where the first colon stands in an identifier with this sigil, if its lengths are right.
private func firstColon(in string: String, sigil: Character) -> String.Index? {
    guard string.utf8.count <= maximumIdentifierBytes, string.utf8.first == sigil.asciiValue else { return nil }
    return string.utf8.firstIndex(of: UInt8(ascii: ":"))
}

extension String {
    /// The text after `index`, which holds a one-byte character.
    fileprivate func after(_ index: String.Index) -> String { String(self[utf8.index(after: index)...]) }
    /// The text between the sigil and `end`.
    fileprivate func afterSigil(upTo end: String.Index) -> String {
        String(self[utf8.index(after: startIndex)..<end])
    }
}

/// The ID of a user, `@localpart:server`.
///
/// Historical localparts, which may hold any character but a colon and NUL, are accepted; what may be registered today is
/// ``isValidLocalpart(_:)``. Spec: [User identifiers](https://spec.matrix.org/v1.19/appendices/#user-identifiers).
public struct UserID: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard let colon = firstColon(in: string, sigil: "@"), ServerName.isValid(string.after(colon)),
            !string.utf8.contains(0)
        else { return nil }
        self.string = string
    }

    public init?(localpart: String, server: ServerName) { self.init("@\(localpart):\(server.string)") }

    /// Takes a string that is known to be a user ID, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    public var localpart: String {
        string.utf8.firstIndex(of: UInt8(ascii: ":")).map { string.afterSigil(upTo: $0) } ?? ""
    }
    public var server: ServerName {
        ServerName(trusted: string.utf8.firstIndex(of: UInt8(ascii: ":")).map { string.after($0) } ?? "")
    }

    /// Whether a new user may be given this localpart: `a-z 0-9 . _ = - / +`, at least one.
    public static func isValidLocalpart(_ localpart: String) -> Bool {
        !localpart.isEmpty
            && localpart.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "/"),
                    UInt8(ascii: "+"):
                    true
                default: false
                }
            }
    }
}

/// The ID of a room: `!opaque:server`, or from room version 12 `!` and the create event's reference hash.
///
/// Spec: [Room IDs](https://spec.matrix.org/v1.19/appendices/#room-ids).
public struct RoomID: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard string.utf8.count <= maximumIdentifierBytes, string.utf8.count > 1,
            string.utf8.first == UInt8(ascii: "!"), !string.utf8.contains(0)
        else { return nil }
        if let colon = string.utf8.firstIndex(of: UInt8(ascii: ":")) {
            guard ServerName.isValid(string.after(colon)) else { return nil }
        }
        self.string = string
    }

    /// Takes a string that is known to be a room ID, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    /// The server in the ID; `nil` in room version 12 and later.
    public var server: ServerName? {
        string.utf8.firstIndex(of: UInt8(ascii: ":")).map { ServerName(trusted: string.after($0)) }
    }
}

/// An alias of a room, `#localpart:server`.
///
/// Spec: [Room aliases](https://spec.matrix.org/v1.19/appendices/#room-aliases).
public struct RoomAlias: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard let colon = firstColon(in: string, sigil: "#"), ServerName.isValid(string.after(colon)),
            !string.utf8.contains(0)
        else { return nil }
        self.string = string
    }

    public init?(localpart: String, server: ServerName) { self.init("#\(localpart):\(server.string)") }

    /// Takes a string that is known to be an alias, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    public var localpart: String {
        string.utf8.firstIndex(of: UInt8(ascii: ":")).map { string.afterSigil(upTo: $0) } ?? ""
    }
    public var server: ServerName {
        ServerName(trusted: string.utf8.firstIndex(of: UInt8(ascii: ":")).map { string.after($0) } ?? "")
    }
}

/// The ID of an event: `$opaque:server` in room versions 1 and 2, `$` and the reference hash from version 3 on.
///
/// Spec: [Event IDs](https://spec.matrix.org/v1.19/appendices/#event-ids).
public struct EventID: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard string.utf8.count <= maximumIdentifierBytes, string.utf8.count > 1,
            string.utf8.first == UInt8(ascii: "$"), !string.utf8.contains(0)
        else { return nil }
        self.string = string
    }

    /// Takes a string that is known to be an event ID, for one made by us or read back from our own storage.
    public init(trusted string: String) { self.string = string }
}

/// The name of a homeserver: a DNS name or an address, with an optional port.
///
/// Spec: [Server name](https://spec.matrix.org/v1.19/appendices/#server-name).
public struct ServerName: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard Self.isValid(string) else { return nil }
        self.string = string
    }

    /// Takes a string that is known to be a server name, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    /// The name without the port; an IPv6 address keeps its brackets.
    public var host: String { Self.split(string)?.host ?? string }
    /// The port, if the name has one.
    public var port: Int? { Self.split(string)?.port.flatMap { Int($0) } }

    static func isValid(_ string: String) -> Bool {
        guard !string.isEmpty, string.utf8.count <= 230, let (host, port) = split(string) else { return false }
        if let port {
            guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return false }
        }
        if host.utf8.first == UInt8(ascii: "[") {
            let inner = host.utf8.dropFirst().dropLast()
            return (2...45).contains(inner.count)
                && inner.allSatisfy { isHexadecimal($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        }
        return !host.isEmpty
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func split(_ string: String) -> (host: String, port: String?)? {
        if string.utf8.first == UInt8(ascii: "[") {
            guard let close = string.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let end = string.utf8.index(after: close)
            let rest = string[end...]
            if rest.isEmpty { return (string, nil) }
            guard rest.utf8.first == UInt8(ascii: ":") else { return nil }
            return (String(string[..<end]), String(rest.dropFirst()))
        }
        guard let colon = string.utf8.firstIndex(of: UInt8(ascii: ":")) else { return (string, nil) }
        return (String(string[..<colon]), string.after(colon))
    }
}

/// The type of an event, such as `m.room.message`.
public struct EventType: ByteComparable, ExpressibleByStringLiteral {
    public let string: String
    public init(_ string: String) { self.string = string }
    public init(stringLiteral value: String) { string = value }

    public static let create: EventType = "m.room.create"
    public static let member: EventType = "m.room.member"
    public static let powerLevels: EventType = "m.room.power_levels"
    public static let joinRules: EventType = "m.room.join_rules"
    public static let historyVisibility: EventType = "m.room.history_visibility"
    public static let guestAccess: EventType = "m.room.guest_access"
    public static let name: EventType = "m.room.name"
    public static let topic: EventType = "m.room.topic"
    public static let avatar: EventType = "m.room.avatar"
    public static let canonicalAlias: EventType = "m.room.canonical_alias"
    public static let aliases: EventType = "m.room.aliases"
    public static let encryption: EventType = "m.room.encryption"
    public static let thirdPartyInvite: EventType = "m.room.third_party_invite"
    public static let redaction: EventType = "m.room.redaction"
    public static let message: EventType = "m.room.message"
    public static let encrypted: EventType = "m.room.encrypted"
    public static let tombstone: EventType = "m.room.tombstone"
    public static let serverACL: EventType = "m.room.server_acl"
    public static let pinnedEvents: EventType = "m.room.pinned_events"
    public static let spaceChild: EventType = "m.space.child"
}

/// The ID of a user's device.
public struct DeviceID: ByteComparable, ExpressibleByStringLiteral {
    public let string: String
    public init(_ string: String) { self.string = string }
    public init(stringLiteral value: String) { string = value }
}

/// What a piece of room state is filed under.
public struct StateKey: Hashable, Comparable, Sendable {
    public let type: EventType
    /// The event's `state_key`, compared by bytes.
    public let key: String

    public init(_ type: EventType, _ key: String = "") { (self.type, self.key) = (type, key) }

    public static func == (left: StateKey, right: StateKey) -> Bool {
        left.key.hasSameBytes(as: right.key) && left.type == right.type
    }
    public static func < (left: StateKey, right: StateKey) -> Bool {
        left.type == right.type ? left.key.precedesInBytes(right.key) : left.type < right.type
    }
    public func hash(into hasher: inout Hasher) {
        type.hash(into: &hasher)
        key.hashBytes(into: &hasher)
    }

    public static let create = StateKey(.create)
    public static let powerLevels = StateKey(.powerLevels)
    public static let joinRules = StateKey(.joinRules)
    public static let historyVisibility = StateKey(.historyVisibility)
    public static func member(_ user: UserID) -> StateKey { StateKey(.member, user.string) }
}

/// Milliseconds since 1970-01-01 00:00 UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
}

/// A user's relation to a room, `m.room.member`'s `membership`.
public enum Membership: String, Sendable, CaseIterable {
    case join, invite, knock, leave, ban
}
