package import MatrixCore
import SQLEngine

/// A user's latest membership in a room.
package struct MembershipRecord: Hashable, Sendable {
    package let room: RoomNumber
    package let user: StateKeyNumber
    package let membership: Membership
    /// The member event.
    package let event: EventNumber
    /// When the membership changed.
    package let stream: StreamPosition
    package let isForgotten: Bool
}

extension Membership {
    /// The number that stands for it in storage.
    var code: Int64 {
        switch self {
        case .join: 1
        case .invite: 2
        case .knock: 3
        case .leave: 4
        case .ban: 5
        }
    }

    init(code: Int64) throws {
        switch code {
        case 1: self = .join
        case 2: self = .invite
        case 3: self = .knock
        case 4: self = .leave
        case 5: self = .ban
        default: throw StorageError.damaged("membership \(code) is unknown")
        }
    }
}

/// Who is, was and may be in which room.
extension RoomStores {
    private static func membership(_ row: borrowing Row) throws -> MembershipRecord {
        MembershipRecord(
            room: row.int(0), user: row.int(1), membership: try Membership(code: row.int(2)), event: row.int(3),
            stream: row.int(4), isForgotten: row.bool(5))
    }

    package func membership(of user: StateKeyNumber, in room: RoomNumber) throws -> MembershipRecord? {
        try transaction.first(
            """
            SELECT room, user_key, membership, event, stream, forgotten FROM memberships
            WHERE user_key = $1 AND room = $2
            """, .integer(user), .integer(room), row: Self.membership)
    }

    /// All rooms the user ever had a membership in.
    package func memberships(of user: StateKeyNumber) throws -> [MembershipRecord] {
        try transaction.all(
            "SELECT room, user_key, membership, event, stream, forgotten FROM memberships WHERE user_key = $1",
            .integer(user), row: Self.membership)
    }

    /// The room's members with one of `memberships`, by user number.
    package func members(of room: RoomNumber, _ memberships: [Membership], limit: Int = .max) throws
        -> [MembershipRecord]
    {
        try transaction.all(
            """
            SELECT room, user_key, membership, event, stream, forgotten FROM memberships
            WHERE room = $1 AND membership \(transaction.among(2, .integers)) ORDER BY membership, user_key LIMIT $3
            """, .integer(room), .integers(memberships.map(\.code)), .integer(Int64(clamping: limit)),
            row: Self.membership)
    }

    /// This server's joined users in the room.
    package func localMembers(of room: RoomNumber) throws -> [StateKeyNumber] {
        try transaction.all(
            "SELECT user_key FROM memberships WHERE room = $1 AND membership = 1 AND is_local = 1", .integer(room)
        ) { $0.int(0) }
    }

    /// The users joined to the room, whatever their server.
    package func joinedUsers(of room: RoomNumber) throws -> [UserID] {
        try transaction.all(
            """
            SELECT k.state_key FROM memberships m JOIN state_keys k ON k.number = m.user_key
            WHERE m.room = $1 AND m.membership = 1
            """, .integer(room)
        ) { UserID(trusted: $0.text(0)) }
    }

    /// This server's guests who are joined to the room.
    package func guests(in room: RoomNumber) throws -> [UserID] {
        try transaction.all(
            """
            SELECT k.state_key FROM memberships m JOIN state_keys k ON k.number = m.user_key
            JOIN users u ON u.name = k.state_key
            WHERE m.room = $1 AND m.membership = 1 AND m.is_local = 1 AND u.is_guest = 1
            """, .integer(room)
        ) { UserID(trusted: $0.text(0)) }
    }

    /// How many users are joined and invited.
    package func memberCounts(of room: RoomNumber) throws -> (joined: Int, invited: Int) {
        try transaction.first(
            "SELECT joined_members, invited_members FROM rooms WHERE room = $1", .integer(room)
        ) { (Int($0.int(0)), Int($0.int(1))) } ?? (0, 0)
    }

    /// Hides a room the user left from their lists, or shows it again.
    package func setForgotten(_ forgotten: Bool, user: StateKeyNumber, room: RoomNumber) throws {
        try transaction.execute(
            "UPDATE memberships SET forgotten = $3 WHERE user_key = $1 AND room = $2",
            .integer(user), .integer(room), .bool(forgotten))
    }

    /// Writes a membership that the current state now holds.
    func upsertMembership(
        user: StateKeyNumber, isLocal: Bool, room: RoomNumber, membership: Membership, event: EventNumber,
        at stream: StreamPosition
    ) throws {
        try transaction.execute(
            """
            INSERT INTO memberships (user_key, room, membership, event, stream, is_local)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (user_key, room) DO UPDATE SET membership = $3, event = $4, stream = $5, forgotten = 0
            """,
            .integer(user), .integer(room), .integer(membership.code), .integer(event), .integer(stream),
            .bool(isLocal))
    }

    func deleteMembership(user: StateKeyNumber, room: RoomNumber) throws {
        try transaction.execute(
            "DELETE FROM memberships WHERE user_key = $1 AND room = $2", .integer(user), .integer(room))
    }
}
