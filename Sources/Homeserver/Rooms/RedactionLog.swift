import MatrixCore
import Storage
import Synchronization

/// Which entries of rooms' states were redacted of late, for those who keep copies of states.
///
/// Redacting leaves a state's root as it is: the same event is under the same key, and says less. So redactions of state events
/// are counted; a copy of a state is the same state only if the count is the same, too.
final class RedactionLog: Sendable {
    fileprivate struct Room {
        /// The latest redactions, in order.
        var entries: [(number: Int64, key: StateKey)] = []
        /// `entries` has all those after this one.
        var since: Int64
        var latest: Int64
    }

    private struct Contents {
        var last: Int64 = 0
        /// Rooms that are not in `rooms` had their latest redaction at this or before.
        var forgotten: Int64 = 0
        var rooms: [RoomNumber: Room] = [:]
    }

    private let contents = Mutex(Contents())
    private let roomLimit: Int
    private let entryLimit: Int

    init(roomLimit: Int = 5_000, entryLimit: Int = 64) {
        self.roomLimit = roomLimit
        self.entryLimit = entryLimit
    }

    /// Notes that what is or was under these keys was redacted.
    func note(_ keys: [StateKey], in room: RoomNumber) {
        guard !keys.isEmpty else { return }
        contents.withLock { contents in
            if contents.rooms.count >= roomLimit, contents.rooms[room] == nil {
                contents.rooms = [:]
                contents.forgotten = contents.last
            }
            let forgotten = contents.forgotten
            for key in keys {
                contents.last += 1
                contents.rooms[room, default: Room(since: forgotten, latest: forgotten)].add(
                    key, as: contents.last, limit: entryLimit)
            }
        }
    }

    /// The number of the latest redaction in a room's state.
    func latest(in room: RoomNumber) -> Int64 {
        contents.withLock { $0.rooms[room]?.latest ?? $0.forgotten }
    }

    /// What was redacted between two of a room's redactions; `nil` if that is not known any more.
    func keys(in room: RoomNumber, between one: Int64, and other: Int64) -> [StateKey]? {
        if one == other { return [] }
        return contents.withLock { contents in
            guard let room = contents.rooms[room], min(one, other) >= room.since else { return nil }
            return room.entries.filter { $0.number > min(one, other) && $0.number <= max(one, other) }.map(\.key)
        }
    }
}

extension RedactionLog.Room {
    fileprivate mutating func add(_ key: StateKey, as number: Int64, limit: Int) {
        entries.append((number, key))
        latest = number
        if entries.count > limit { since = entries.removeFirst().number }
    }
}
