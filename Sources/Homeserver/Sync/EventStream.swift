package import MatrixCore
package import SQLEngine
package import Storage
import Synchronization

/// The stream of all rooms' events: where it stands, its latest events, and who is to be woken for them.
///
/// Commits reach it once they are durable and in order, so that every position up to ``position`` can be read.
package final class EventStream: Sendable {
    private let database: any Database
    private let caches: StorageCaches
    private let contents = Mutex(Contents())

    /// An event of late, with the room's state before its commit.
    package struct Recent: Sendable {
        package let event: StoredEvent
        package let roomStateBefore: StateRoot
    }

    private struct Contents {
        var position: StreamPosition = 0
        /// Every event with a position above ``recentStart``, in order. The oldest ``skipped`` entries are let go of.
        var recent: [Recent] = []
        var skipped = 0
        var recentStart: StreamPosition = 0
        /// How many bytes the events in ``recent`` have, skipped ones included.
        var recentBytes = 0
        var users: [UserID: UserRooms] = [:]
        /// Is told of every advance.
        var onAdvance: (@Sendable () -> Void)?
        /// The active users joined to each room.
        var joined: [RoomNumber: [UserID: UserRooms]] = [:]
    }

    /// How many events to keep in memory.
    private static let recentLimit = 2_048
    /// How many bytes of events to keep in memory.
    private static let recentByteLimit = 8 << 20
    /// How many users to keep in memory.
    private let userLimit: Int

    package init(database: any Database, caches: StorageCaches, userLimit: Int = 20_000) {
        self.database = database
        self.caches = caches
        self.userLimit = userLimit
    }

    /// Takes up where storage stands. Call before anything is sent.
    package func start() async throws {
        let last = try await database.read { [caches] in
            try RoomStores($0, caches: caches, .reading).lastEventNumber()
        }
        caches.numbers.resume(after: last)
        contents.withLock { contents in
            contents.position = last
            contents.recentStart = last
        }
    }

    /// The latest position; everything up to it can be read.
    package var position: StreamPosition { contents.withLock { $0.position } }

    /// The events after `position`, oldest first, up to where the stream stands; `nil` if some are not in memory any more.
    package func recent(after position: StreamPosition) -> (events: [Recent], upTo: StreamPosition)? {
        contents.withLock { contents in
            guard position >= contents.recentStart else { return nil }
            var low = contents.skipped
            var high = contents.recent.count
            while low < high {
                let middle = (low + high) / 2
                if contents.recent[middle].event.number <= position { low = middle + 1 } else { high = middle }
            }
            // A slice would make the next append copy everything.
            return (Array(contents.recent[low...]), contents.position)
        }
    }

    // MARK: Commits

    /// Publishes a commit and wakes whom it concerns. Called in the order of commits.
    func advance(_ commit: Commit, from before: StateRoot) {
        let room = commit.position.room.number
        let (concerned, onAdvance) = contents.withLock { contents -> ([UserRooms], (@Sendable () -> Void)?) in
            remember(commit, from: before, in: &contents)
            var changed: [UserRooms] = []
            for change in commit.changes where change.key.type == .member {
                guard let user = contents.users[UserID(trusted: change.key.key)] else { continue }
                let place = UserRooms.Place(
                    membership: change.membership ?? .leave, event: change.event ?? 0,
                    stream: change.stream, isForgotten: false)
                user.set(place, in: room)
                Self.index(user, room, place, in: &contents)
                changed.append(user)
            }
            return (changed + (contents.joined[room].map { Array($0.values) } ?? []), contents.onAdvance)
        }
        for user in concerned { user.wake() }
        onAdvance?()
    }

    private func remember(_ commit: Commit, from before: StateRoot, in contents: inout Contents) {
        var state = before
        for event in commit.events {
            contents.position = max(contents.position, event.number)
            if event.stream != nil {
                contents.recent.append(Recent(event: event, roomStateBefore: state))
                contents.recentBytes += event.clientFields.count
            }
            state = event.record.roomState ?? state
        }
        if commit.events.contains(where: { $0.type == .redaction }) {
            // An event in memory may have lost its content: read what there is from storage.
            Self.letGo(of: contents.recent.count, in: &contents)
            contents.recentStart = contents.position
            return
        }
        let surplus = contents.recent.count - contents.skipped - Self.recentLimit
        if surplus > 0 {
            contents.skipped += surplus
            contents.recentStart = contents.recent[contents.skipped - 1].event.number
        }
        // Moving the rest down now and then costs less than moving it each time.
        if contents.skipped > Self.recentLimit { Self.letGo(of: contents.skipped, in: &contents) }
        if contents.recentBytes > Self.recentByteLimit { Self.letGo(of: contents.recent.count / 2, in: &contents) }
    }

    /// Forgets the oldest `count` events in memory.
    private static func letGo(of count: Int, in contents: inout Contents) {
        guard count > 0 else { return }
        contents.recentStart = max(contents.recentStart, contents.recent[count - 1].event.number)
        for entry in contents.recent.prefix(count) { contents.recentBytes -= entry.event.clientFields.count }
        contents.recent.removeFirst(count)
        contents.skipped = max(0, contents.skipped - count)
    }

    private static func index(
        _ user: UserRooms, _ room: RoomNumber, _ place: UserRooms.Place, in contents: inout Contents
    ) {
        if place.membership == .join {
            contents.joined[room, default: [:]][user.user] = user
        } else {
            contents.joined[room]?[user.user] = nil
            if contents.joined[room]?.isEmpty == true { contents.joined[room] = nil }
        }
    }

    /// Publishes a user's new account data and wakes them. Called in the order of commits.
    func advanceAccountData(of user: UserID, to position: StreamPosition) {
        guard let rooms = contents.withLock({ $0.users[user] }) else { return }
        rooms.setAccountData(position)
        rooms.wake()
    }

    /// Tells of each advance from now on, until the sequence is let go of. Advances nobody took notice of are one.
    package func advances() -> AsyncStream<Void> {
        let (advances, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        contents.withLock { $0.onAdvance = { continuation.yield() } }
        return advances
    }

    // MARK: Users

    /// The rooms of a local user, up to date from now on.
    package func rooms(of user: UserID) async throws -> UserRooms {
        let rooms = contents.withLock { contents in
            if let rooms = contents.users[user] { return rooms }
            if contents.users.count >= userLimit { letGo(of: &contents) }
            // Registered before it is loaded, so that no commit is missed in between.
            let rooms = UserRooms(user: user)
            contents.users[user] = rooms
            return rooms
        }
        if rooms.isLoaded { return rooms }
        let (records, accountData) = try await database.read { [caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            let records = try stores.userNumber(user).map { try stores.memberships(of: $0) } ?? []
            return (records, try transaction.accountData.position(of: user))
        }
        contents.withLock { contents in
            // Together, so that whoever finds them loaded is woken for all of them.
            rooms.load(records, accountData: accountData)
            guard contents.users[user] === rooms else { return }
            for (room, place) in rooms.rooms { Self.index(rooms, room, place, in: &contents) }
        }
        return rooms
    }

    /// Notes that the user forgot a room.
    package func forget(_ room: RoomNumber, by user: UserID) {
        contents.withLock { $0.users[user] }?.setForgotten(room)
    }

    /// Makes space by letting go of a tenth of the users nobody waits for.
    private func letGo(of contents: inout Contents) {
        let idle = contents.users.values.lazy.filter { !$0.hasWaiters }.prefix(max(1, userLimit / 10))
        for user in Array(idle) {
            contents.users[user.user] = nil
            for (room, place) in user.rooms where place.membership == .join {
                contents.joined[room]?[user.user] = nil
                if contents.joined[room]?.isEmpty == true { contents.joined[room] = nil }
            }
            // A request may hold on to them that does not wait just now.
            user.retire()
        }
    }
}
