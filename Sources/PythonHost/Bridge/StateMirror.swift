import MatrixCore
import ModuleAPI
import Synchronization

/// What a host process has of rooms' state.
///
/// The host keeps, per room, the state that was sent last. Only what differs from it is sent; a frame says from which
/// state to which. Frames are applied in order, so whoever sends a difference must know that no other went between the look
/// at the mirror and the sending. A room is therefore leased to one sender of a difference at a time, and every frame is
/// checked against the mirror once more as it is sent.
final class StateMirror: Sendable {
    /// How much the host is to keep.
    struct Limits: Sendable {
        /// Entries of all rooms together.
        var entries = 1_000_000
        /// The bytes that were sent for them.
        var bytes = 256 << 20
    }

    /// A STATE to be sent.
    struct Prepared: Sendable {
        /// The JSON.
        let header: [UInt8]
        let attachment: [UInt8]
        fileprivate let step: Step?
        fileprivate let lease: RoomLease?

        /// Lets others send differences of the room. Called once the frame is sent, or will not be.
        func release() { lease?.release() }
    }

    /// From which state of a room to which a frame takes the host.
    fileprivate struct Step: Sendable {
        let version: StateVersion
        let base: StateVersion?
        let count: Int
        let bytes: Int
    }

    private struct Room {
        /// What the host has.
        var version: StateVersion?
        /// At most what the host has of the room: replacements count as additions.
        var entries = 0
        var bytes = 0
        var lastUse: UInt64 = 0
        var isLeased = false
        var waiting: ArraySlice<CheckedContinuation<Void, Never>> = []
    }

    private struct State {
        var rooms: [Int64: Room] = [:]
        var entries = 0
        var bytes = 0
        var clock: UInt64 = 0
    }

    private let limits: Limits
    private let state = Mutex(State())
    /// Tells the host to forget a room.
    private let forget: @Sendable (Int64) -> Void

    init(limits: Limits = Limits(), forget: @escaping @Sendable (Int64) -> Void) {
        self.limits = limits
        self.forget = forget
    }

    /// How many rooms the host has the state of.
    var roomCount: Int { state.withLock { $0.rooms.count } }

    /// Works out what the host lacks of a state.
    func prepare(_ map: StateMap) async throws -> Prepared {
        guard let version = map.version else {
            let (attachment, count) = try await Self.whole(map)
            return Prepared(
                header: Array(#"{"changes":\#(count)}"#.utf8), attachment: attachment, step: nil, lease: nil)
        }
        if self.version(of: version.room) == version { return Self.nothingNew(version) }
        let lease = await lease(version.room)
        guard let base = self.version(of: version.room) else { return try await Self.whole(map, version, lease) }
        if base == version {
            lease.release()
            return Self.nothingNew(version)
        }
        guard let changes = try await map.changes(since: base) else {
            return try await Self.whole(map, version, lease)
        }
        var bytes: [UInt8] = []
        for (key, event) in changes { bytes.appendChange(key, event) }
        return Self.prepared(version, base: base, changes.count, bytes, lease)
    }

    /// Sends a frame with a prepared state, if the host is still where the difference begins.
    func deliver(_ prepared: Prepared, _ send: () -> Bool) -> Connection.Delivery {
        guard let step = prepared.step else { return send() ? .sent : .closed }
        return state.withLock { state in
            var room = state.rooms[step.version.room] ?? Room()
            guard step.base == nil || room.version == step.base else { return .outdated }
            guard send() else { return .closed }
            state.clock += 1
            room.lastUse = state.clock
            if step.base == nil {
                state.entries -= room.entries
                state.bytes -= room.bytes
                (room.entries, room.bytes) = (0, 0)
            }
            room.version = step.version
            room.entries += step.count
            room.bytes += step.bytes
            state.entries += step.count
            state.bytes += step.bytes
            state.rooms[step.version.room] = room
            if state.entries > limits.entries || state.bytes > limits.bytes { evict(&state, except: step.version.room) }
            return .sent
        }
    }

    /// Has the host forget the rooms that were not used for longest.
    private func evict(_ state: inout State, except kept: Int64) {
        let byAge = state.rooms.filter { $0.key != kept && $0.value.version != nil }
            .sorted { $0.value.lastUse < $1.value.lastUse }
        for (number, room) in byAge {
            // Somewhat below the limits, so that not every frame has to look.
            guard state.entries > limits.entries / 10 * 9 || state.bytes > limits.bytes / 10 * 9 else { return }
            if room.isLeased { continue }
            state.entries -= room.entries
            state.bytes -= room.bytes
            state.rooms[number] = nil
            forget(number)
        }
    }

    private func version(of room: Int64) -> StateVersion? { state.withLock { $0.rooms[room]?.version } }

    // MARK: Leases

    private func lease(_ number: Int64) async -> RoomLease {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                var room = state.rooms.removeValue(forKey: number) ?? Room()
                defer { state.rooms[number] = room }
                guard room.isLeased else {
                    room.isLeased = true
                    return true
                }
                room.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        return RoomLease { [self] in release(number) }
    }

    private func release(_ number: Int64) {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard var room = state.rooms.removeValue(forKey: number) else { return nil }
            let next = room.waiting.popFirst()
            room.isLeased = next != nil
            if room.isLeased || room.version != nil { state.rooms[number] = room }
            return next
        }
        next?.resume()
    }

    // MARK: Writing

    private static func nothingNew(_ version: StateVersion) -> Prepared {
        prepared(version, base: version, 0, [], nil)
    }

    private static func whole(_ map: StateMap, _ version: StateVersion, _ lease: RoomLease) async throws -> Prepared {
        let (attachment, count) = try await whole(map)
        return prepared(version, base: nil, count, attachment, lease)
    }

    private static func prepared(
        _ version: StateVersion, base: StateVersion?, _ count: Int, _ attachment: [UInt8], _ lease: RoomLease?
    ) -> Prepared {
        let text = base.map { String($0.root) } ?? "null"
        return Prepared(
            header: Array(
                #"{"room":\#(version.room),"root":\#(version.root),"base":\#(text),"changes":\#(count)}"#.utf8),
            attachment: attachment,
            step: Step(version: version, base: base, count: count, bytes: attachment.count), lease: lease)
    }

    private static func whole(_ map: StateMap) async throws -> (attachment: [UInt8], count: Int) {
        let all = try await map.all()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(all.count * 900)
        for (key, event) in all { bytes.appendChange(key, event) }
        return (bytes, all.count)
    }
}

/// The right to send differences of a room; given back at the latest when nobody holds it any more.
private final class RoomLease: Sendable {
    private let giveBack: Mutex<(@Sendable () -> Void)?>

    init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = Mutex(giveBack) }

    deinit { release() }

    func release() {
        let giveBack = giveBack.withLock { giveBack in
            defer { giveBack = nil }
            return giveBack
        }
        giveBack?()
    }
}
