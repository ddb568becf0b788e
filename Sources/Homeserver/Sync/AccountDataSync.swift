import MatrixCore
import Storage

/// The account data that one answer to `/sync` tells.
struct AccountDataSync {
    /// What is new for the account as a whole, as far as the filter lets it pass.
    let global: [AccountDataEntry]
    /// Everything up to here is told.
    let position: StreamPosition
    private let rooms: [RoomID: [AccountDataEntry]]
    private let assembly: SyncAssembly

    /// How much one answer tells, at most; the rest comes with the next.
    private static let limit = AccountDataStore.Limit(entries: 2_000)

    init(_ assembly: SyncAssembly, _ stores: RoomStores) throws {
        self.assembly = assembly
        let since = assembly.request.fullState ? 0 : assembly.request.since?.accountData ?? 0
        guard assembly.accountData > since else {
            (global, rooms, position) = ([], [:], assembly.accountData)
            return
        }
        let (entries, isComplete) = try stores.transaction.accountData.entries(
            of: assembly.viewer.account, after: since, limit: Self.limit)
        let last = entries.last?.stream ?? 0
        position = isComplete ? max(assembly.accountData, last) : last
        let filter = assembly.request.filter
        global = entries.filter { $0.room == nil && filter.accountData.admits($0) }
        rooms = Dictionary(grouping: entries.filter { $0.room != nil && filter.roomAccountData.admits($0) }) {
            $0.room ?? RoomID(trusted: "")
        }
    }

    /// The rooms with something new that the user is joined to.
    func joinedRooms(_ stores: RoomStores) throws -> [RoomNumber] {
        try rooms.keys.compactMap { id in
            guard assembly.request.filter.roomAccountData.admits(room: id), let room = try stores.room(id),
                assembly.places[room.number]?.membership == .join
            else { return nil }
            return room.number
        }
    }

    /// What to tell of a room.
    /// - Parameter isNew: Whether the client knows nothing of the room, so that what is old is new to it.
    func entries(of room: RoomHandle, isNew: Bool, _ stores: RoomStores) throws -> [AccountDataEntry] {
        let filter = assembly.request.filter.roomAccountData
        guard filter.admits(room: room.id) else { return [] }
        guard isNew, assembly.since != nil, assembly.accountData > 0 else { return rooms[room.id] ?? [] }
        return try stores.transaction.accountData.entries(
            of: assembly.viewer.account, in: room.id, limit: Self.limit
        ).filter(filter.admits)
    }
}
