import SQLEngine

/// How far modules have been told of new events.
extension RoomStores {
    /// The position up to which modules know every event; `nil` if none wanted to know when the server last ran.
    package func moduleFeedPosition() throws -> StreamPosition? {
        try transaction.first("SELECT position FROM module_event_feed WHERE id = 1") { $0.int(0) }
    }

    /// - Parameter position: `nil` once no module wants to be told.
    package func setModuleFeedPosition(_ position: StreamPosition?) throws {
        guard let position else {
            try transaction.execute("DELETE FROM module_event_feed")
            return
        }
        try transaction.execute(
            "INSERT INTO module_event_feed (id, position) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET position = $1",
            .integer(position))
    }
}
