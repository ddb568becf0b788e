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

    // Specializing this for a result type crashes the optimizer of Swift 6.3.1 (a non-copyable argument of an async
    // closure); a lock's worth of time does not miss it.
    @_semantics("optimize.sil.specialize.generic.never")
    @inline(never)
    package func withCommitLease<Value>(
        on room: RoomHandle, _ body: (borrowing CommitLease) async throws -> Value
    ) async throws -> Value {
        try await rooms.acquire(room.number)
        defer { rooms.release(room.number) }
        return try await body(CommitLease(room: room))
    }
}
