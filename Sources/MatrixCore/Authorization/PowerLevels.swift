/// Who may do what in a room: a view of its `m.room.power_levels`, or of what holds where there is none.
///
/// Values are read when asked for, as a room may name thousands of users and a rule wants one. A value that is no level
/// counts as absent.
///
/// Spec: Client-Server API, [`m.room.power_levels`](https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels).
public struct PowerLevels: Sendable {
    /// The level of creators in room versions where no other can reach it.
    public static let infinite = Int64.max

    private let content: JSONObject?
    private let create: Event?
    private let rules: AuthorizationRules

    /// - Parameters:
    ///   - content: The content of the room's `m.room.power_levels`; `nil` if the room has none.
    ///   - create: The room's `m.room.create`; without it nobody is a creator.
    public init(content: JSONObject?, create: Event?, version: RoomVersion) {
        self.content = content
        self.create = create
        rules = version.authorization
    }

    /// Whether the room has an `m.room.power_levels` event.
    public var isExplicit: Bool { content != nil }

    /// The level of a user, named or not.
    public func level(of user: UserID) -> Int64 {
        if rules.creatorsHaveInfinitePower, isCreator(user) { return Self.infinite }
        guard let content else { return isCreator(user) ? 100 : 0 }
        if let value = content.object("users")?[user.string], let level = rules.powerLevel(value) { return level }
        return self[.usersDefault]
    }

    /// The level needed to send an event of this type.
    /// - Parameter state: Whether the event has a state key.
    public func required(for type: EventType, state: Bool) -> Int64 {
        if let value = content?.object("events")?[type.string], let level = rules.powerLevel(value) { return level }
        return self[state ? .stateDefault : .eventsDefault]
    }

    /// The level needed to ban, and with ``kick`` to unban.
    public var ban: Int64 { self[.ban] }
    /// The level needed to kick.
    public var kick: Int64 { self[.kick] }
    /// The level needed to invite.
    public var invite: Int64 { self[.invite] }
    /// The level needed to redact what others sent.
    public var redact: Int64 { self[.redact] }

    /// The level needed to notify the room in this way.
    public func notifications(_ key: String = "room") -> Int64 {
        (content?.object("notifications")?[key]).flatMap(rules.powerLevel) ?? 50
    }

    /// The level of an action, or its default.
    public subscript(action: Action) -> Int64 { explicit(action) ?? action.defaultLevel }

    /// The level of an action if the event gives one.
    func explicit(_ action: Action) -> Int64? { content?[action.rawValue].flatMap(rules.powerLevel) }

    /// The levels the event gives in one of its maps: `users`, `events` or `notifications`.
    func explicit(_ map: String) -> JSONObject? { content?.object(map) }

    /// Whether the user created the room, alone or with others.
    ///
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/), [v11](https://spec.matrix.org/v1.19/rooms/v11/),
    /// [v12](https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules).
    public func isCreator(_ user: UserID) -> Bool {
        guard let create else { return false }
        guard rules.creatorIsSender else {
            return create.content.string("creator")?.hasSameBytes(as: user.string) == true
        }
        if create.sender == user { return true }
        guard rules.creatorsHaveInfinitePower, let others = create.content.array("additional_creators") else {
            return false
        }
        return others.contains { $0.stringValue?.hasSameBytes(as: user.string) == true }
    }
}

extension PowerLevels {
    /// What a room's power levels say for everybody, beside the maps of users, event types and notifications.
    public enum Action: String, Sendable, CaseIterable {
        case usersDefault = "users_default"
        case eventsDefault = "events_default"
        case stateDefault = "state_default"
        case ban, redact, kick, invite

        /// The level where the event does not give it, or the room has no such event.
        public var defaultLevel: Int64 {
            switch self {
            case .usersDefault, .eventsDefault, .invite: 0
            case .stateDefault, .ban, .redact, .kick: 50
            }
        }
    }
}

extension AuthorizationRules {
    /// Reads a power level; `nil` if the value is none in this room version.
    ///
    /// Before version 10, decimal strings and floats count too; what `Int64` cannot hold is its nearest value.
    ///
    /// Spec: [strings](https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings),
    /// [floats](https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-floats).
    func powerLevel(_ value: JSON) -> Int64? {
        switch value {
        case .integer(let level): level
        case .double(let level) where !requiresIntegerPowerLevels && level.isFinite:
            Int64(exactly: level.rounded(.towardZero)) ?? (level < 0 ? .min : .max)
        case .string(let level) where !requiresIntegerPowerLevels: Self.decimal(level)
        default: nil
        }
    }

    /// An optional sign and decimal digits, with white space around.
    private static func decimal(_ string: String) -> Int64? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var digits = string.utf8.drop(while: isSpace)
        while let last = digits.last, isSpace(last) { digits.removeLast() }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty else { return nil }
        var level: Int64 = 0
        for byte in digits {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (tenfold, overflow) = level.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 0x30)
            let (next, another) =
                isNegative
                ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
            // Once at the limit, more digits lead past it again.
            level = overflow || another ? (isNegative ? .min : .max) : next
        }
        return level
    }
}
