import SQLEngine

extension RoomStores {
    /// Published rooms with the fewest members first, from `before` back (exclusive): the other way round from
    /// ``publishedRooms(after:limit:)``.
    package func publishedRooms(before: PublishedRoom, limit: Int) throws -> [PublishedRoom] {
        try transaction.all(
            """
            SELECT room, joined_members FROM rooms WHERE is_published = 1
            AND (joined_members > $1 OR (joined_members = $1 AND room > $2))
            ORDER BY joined_members, room LIMIT $3
            """, .integer(before.joinedMembers), .integer(before.room), .integer(Int64(limit))
        ) { PublishedRoom(room: $0.int(0), joinedMembers: $0.int(1)) }
    }
}

extension RoomStores.PublishedRoom {
    /// A place in the list of published rooms; the room need not be there any more.
    package init(_ room: RoomNumber, joinedMembers: Int64) {
        self.init(room: room, joinedMembers: joinedMembers)
    }
}
