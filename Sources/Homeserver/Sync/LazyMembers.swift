import MatrixCore
import Storage

/// Which member events a client has been sent already, so that lazy loading need not send them again.
///
/// Spec: Client-Server API, [Lazy-loading room members](https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members).
/// Only in memory: a client that is sent a member twice loses nothing.
final class LazyMembers: Sendable {
    private struct Key: Hashable, Sendable {
        let account: Int64
        let device: DeviceID?
        let room: RoomNumber
    }

    private let sent = BoundedCache<Key, [StateKeyNumber: EventNumber]>(limit: 2_000_000)

    /// What the client has of the room's members.
    func sent(to viewer: EventViewer, in room: RoomNumber) -> [StateKeyNumber: EventNumber] {
        sent[Key(account: viewer.account, device: viewer.device, room: room)] ?? [:]
    }

    func note(_ members: [StateKeyNumber: EventNumber], sentTo viewer: EventViewer, in room: RoomNumber) {
        guard !members.isEmpty else { return }
        sent.insert(
            members, for: Key(account: viewer.account, device: viewer.device, room: room), cost: 50 + members.count * 16
        )
    }

    /// The client starts afresh.
    func forget(_ viewer: EventViewer, room: RoomNumber) {
        sent.remove(Key(account: viewer.account, device: viewer.device, room: room))
    }
}
