/// A common identifier: a sigil, an opaque or local part, and for most a server name.
///
/// Spec: Appendices, [Common identifier format](https://spec.matrix.org/v1.19/appendices/#common-identifier-format).
public protocol MatrixIdentifier: ByteComparable {
    /// Reads an identifier; `nil` if `string` does not have the form, or is longer than 255 bytes.
    init?(_ string: String)
}

/// The longest an identifier may be, in bytes, sigil and server name included.
let maximumIdentifierBytes = 255

/// Whether `string` is the sigil, then a local part without NUL, a colon, and a server name.
private func isLocalpartAndServer(_ string: String, sigil: UInt8) -> Bool {
    string.withBytes { bytes in
        guard bytes.count <= maximumIdentifierBytes, bytes.first == sigil, let colon = bytes.firstIndex(of: 0x3A),
            !bytes[..<colon].contains(0)
        else { return false }
        return ServerName.isValid(UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...]))
    }
}

/// Whether `string` is the sigil and at least one more byte, none of them NUL.
private func isOpaque(_ string: String, sigil: UInt8) -> Bool {
    let bytes = string.utf8
    return (2...maximumIdentifierBytes).contains(bytes.count) && bytes.first == sigil && !bytes.contains(0)
}

extension String {
    /// Where the first colon stands: the end of an identifier's local part.
    fileprivate var firstColon: String.Index? { utf8.firstIndex(of: UInt8(ascii: ":")) }
    /// The text between the sigil and the first colon.
    fileprivate var localpart: String {
        firstColon.map { String(self[utf8.index(after: startIndex)..<$0]) } ?? ""
    }
    /// The server name after the first colon.
    fileprivate var serverPart: ServerName? {
        firstColon.map { ServerName(trusted: String(self[utf8.index(after: $0)...])) }
    }
}

/// The ID of a user, `@localpart:server`.
///
/// Historical localparts, which may hold any character but a colon and NUL, are accepted; what may be registered today is
/// ``isValidLocalpart(_:)``. Spec: [User identifiers](https://spec.matrix.org/v1.19/appendices/#user-identifiers).
public struct UserID: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard isLocalpartAndServer(string, sigil: UInt8(ascii: "@")) else { return nil }
        self.string = string
    }

    public init?(localpart: String, server: ServerName) {
        guard !localpart.utf8.contains(UInt8(ascii: ":")) else { return nil }
        self.init("@\(localpart):\(server.string)")
    }

    /// Takes a string that is known to be a user ID, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    public var localpart: String { string.localpart }
    public var server: ServerName { string.serverPart ?? ServerName(trusted: "") }

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
        guard isOpaque(string, sigil: UInt8(ascii: "!")),
            string.firstColon == nil || isLocalpartAndServer(string, sigil: UInt8(ascii: "!"))
        else { return nil }
        self.string = string
    }

    /// Takes a string that is known to be a room ID, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    /// The server in the ID; `nil` in room version 12 and later.
    public var server: ServerName? { string.serverPart }
}

/// An alias of a room, `#localpart:server`.
///
/// Spec: [Room aliases](https://spec.matrix.org/v1.19/appendices/#room-aliases).
public struct RoomAlias: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard isLocalpartAndServer(string, sigil: UInt8(ascii: "#")) else { return nil }
        self.string = string
    }

    public init?(localpart: String, server: ServerName) {
        guard !localpart.utf8.contains(UInt8(ascii: ":")) else { return nil }
        self.init("#\(localpart):\(server.string)")
    }

    /// Takes a string that is known to be an alias, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    public var localpart: String { string.localpart }
    public var server: ServerName { string.serverPart ?? ServerName(trusted: "") }
}

/// The ID of an event: `$opaque:server` in room versions 1 and 2, `$` and the reference hash from version 3 on.
///
/// Spec: [Event IDs](https://spec.matrix.org/v1.19/appendices/#event-ids).
public struct EventID: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard isOpaque(string, sigil: UInt8(ascii: "$")) else { return nil }
        self.string = string
    }

    /// Takes a string that is known to be an event ID, for one made by us or read back from our own storage.
    public init(trusted string: String) { self.string = string }

    /// The server in the ID; `nil` in room version 3 and later, and if it is no server name.
    public var server: ServerName? { string.serverPart.flatMap { ServerName($0.string) } }
}
