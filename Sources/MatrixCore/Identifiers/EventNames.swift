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

extension Membership {
    /// The membership spelled exactly so, byte for byte.
    public init?(bytesOf string: String) {
        guard let membership = Self.allCases.first(where: { $0.rawValue.hasSameBytes(as: string) }) else { return nil }
        self = membership
    }
}
