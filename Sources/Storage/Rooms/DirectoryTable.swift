package import MatrixCore
import SQLEngine

/// Aliases and the published room directory.
extension RoomStores {
    package func room(under alias: RoomAlias) throws -> RoomHandle? {
        let number = try transaction.first(
            "SELECT room FROM room_aliases WHERE alias = $1", .text(alias.string)
        ) { $0.int(0) }
        return try number.map { try room($0) }
    }

    package func creator(of alias: RoomAlias) throws -> UserID? {
        try transaction.first("SELECT creator FROM room_aliases WHERE alias = $1", .text(alias.string)) {
            UserID(trusted: $0.text(0))
        }
    }

    package func aliases(of room: RoomHandle) throws -> [RoomAlias] {
        try transaction.all(
            "SELECT alias FROM room_aliases WHERE room = $1 ORDER BY alias LIMIT 1000", .integer(room.number)
        ) { RoomAlias(trusted: $0.text(0)) }
    }

    /// Points the alias at the room; `false` if it is taken.
    package func insertAlias(_ alias: RoomAlias, of room: RoomHandle, creator: UserID) throws -> Bool {
        try transaction.execute(
            "INSERT INTO room_aliases (alias, room, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING",
            .text(alias.string), .integer(room.number), .text(creator.string)) > 0
    }

    package func deleteAlias(_ alias: RoomAlias) throws {
        try transaction.execute("DELETE FROM room_aliases WHERE alias = $1", .text(alias.string))
    }

    package func isPublished(_ room: RoomHandle) throws -> Bool {
        try transaction.first("SELECT is_published FROM rooms WHERE room = $1", .integer(room.number)) {
            $0.bool(0)
        } ?? false
    }

    package func setPublished(_ published: Bool, _ room: RoomHandle) throws {
        try transaction.execute(
            "UPDATE rooms SET is_published = $2 WHERE room = $1", .integer(room.number), .bool(published))
    }

    /// A published room and how many joined members it has.
    package struct PublishedRoom: Hashable, Sendable {
        package let room: RoomNumber
        package let joinedMembers: Int64
    }

    /// Published rooms with the most members first, from `after` on (exclusive).
    package func publishedRooms(after: PublishedRoom?, limit: Int) throws -> [PublishedRoom] {
        try transaction.all(
            """
            SELECT room, joined_members FROM rooms WHERE is_published = 1
            AND (joined_members < $1 OR (joined_members = $1 AND room < $2))
            ORDER BY joined_members DESC, room DESC LIMIT $3
            """, .integer(after?.joinedMembers ?? .max), .integer(after?.room ?? .max), .integer(Int64(limit))
        ) { PublishedRoom(room: $0.int(0), joinedMembers: $0.int(1)) }
    }

    package func publishedRoomCount() throws -> Int {
        try transaction.first("SELECT COUNT(*) FROM rooms WHERE is_published = 1") { Int($0.int(0)) } ?? 0
    }
}
