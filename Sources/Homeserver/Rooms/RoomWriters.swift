package import Storage

/// Proof that the holder is the only writer of one room's event graph.
///
/// Functions that change the graph take it as `borrowing CommitLease`, so forgetting the lock does not compile.
package struct CommitLease: ~Copyable, Sendable {
    package let room: RoomHandle
    fileprivate init(room: RoomHandle) { self.room = room }
}

/// Lets one writer at a time into each room, in the order they came.
///
/// A lease is never held while a module runs: the module may itself send into the room and wait for it.
package final class RoomWriters: Sendable {
    private let rooms = KeyedLock<RoomNumber>()

    package init() {}

    package func withCommitLease<Value>(
        on room: RoomHandle, _ body: (borrowing CommitLease) async throws -> Value
    ) async throws -> Value {
        try await rooms.withLock(on: room.number) { try await body(CommitLease(room: room)) }
    }
}
