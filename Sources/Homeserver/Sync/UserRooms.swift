package import MatrixCore
package import Storage
import Synchronization

/// The rooms of a user who was active of late, kept up to date with every commit, and the requests that wait for news.
package final class UserRooms: Sendable {
    package let user: UserID
    private let contents = Mutex(Contents())

    /// What a user has to do with a room, without the user.
    package struct Place: Hashable, Sendable {
        package var membership: Membership
        package var event: EventNumber
        /// When the membership changed.
        package var stream: StreamPosition
        package var isForgotten: Bool
    }

    private struct Contents {
        var rooms: [RoomNumber: Place] = [:]
        var accountData: StreamPosition = 0
        var isLoaded = false
        var isRetired = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
        /// How often there was news.
        var wakeUps: UInt64 = 0
    }

    init(user: UserID) { self.user = user }

    /// Every room the user has or had a membership in.
    package var rooms: [RoomNumber: Place] { contents.withLock { $0.rooms } }
    package func place(in room: RoomNumber) -> Place? { contents.withLock { $0.rooms[room] } }

    /// Where the user's latest piece of account data stands in its stream; 0 if there is none.
    var accountData: StreamPosition { contents.withLock { $0.accountData } }

    var isLoaded: Bool { contents.withLock { $0.isLoaded } }
    /// Whether commits do not reach it any more.
    var isRetired: Bool { contents.withLock { $0.isRetired } }
    var hasWaiters: Bool { contents.withLock { !$0.waiters.isEmpty } }

    /// Takes over what storage holds, but for rooms that a commit has told us later things of.
    func load(_ records: [MembershipRecord], accountData: StreamPosition) {
        contents.withLock { contents in
            contents.accountData = max(contents.accountData, accountData)
            for record in records {
                if let known = contents.rooms[record.room], known.stream >= record.stream { continue }
                contents.rooms[record.room] = Place(
                    membership: record.membership, event: record.event, stream: record.stream,
                    isForgotten: record.isForgotten)
            }
            contents.isLoaded = true
        }
    }

    func set(_ place: Place, in room: RoomNumber) { contents.withLock { $0.rooms[room] = place } }

    func setForgotten(_ room: RoomNumber) { contents.withLock { $0.rooms[room]?.isForgotten = true } }

    func setAccountData(_ position: StreamPosition) {
        contents.withLock { $0.accountData = max($0.accountData, position) }
    }

    /// Notes that commits do not reach it from now on; whoever holds it must get another.
    func retire() {
        contents.withLock { $0.isRetired = true }
        wake()
    }

    // MARK: Waiting

    /// How often there was news so far; see ``wait(beyond:)``.
    var wakeUps: UInt64 { contents.withLock { $0.wakeUps } }

    /// Returns when there was news more than `seen` times, or the task is cancelled.
    func wait(beyond seen: UInt64) async {
        let id = contents.withLock { contents in
            contents.nextWaiter += 1
            return contents.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = contents.withLock { contents in
                    if Task.isCancelled || contents.wakeUps > seen { return true }
                    contents.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            contents.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Lets every waiter look for what is new.
    func wake() {
        let waiters = contents.withLock { contents in
            contents.wakeUps += 1
            return exchange(&contents.waiters, with: [:])
        }
        for waiter in waiters.values { waiter.resume() }
    }
}

/// Puts `new` in the place of `value`; returns what was there.
private func exchange<Value>(_ value: inout Value, with new: Value) -> Value {
    defer { value = new }
    return value
}
