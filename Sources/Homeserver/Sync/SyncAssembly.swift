import MatrixCore
import Storage

/// Puts together one answer to `/sync`.
struct SyncAssembly: Sendable {
    let request: SyncRequest
    let viewer: EventViewer
    let places: [RoomNumber: UserRooms.Place]
    /// The answer covers the event stream up to here.
    let now: StreamPosition
    /// Where the user's latest account data stands.
    let accountData: StreamPosition
    let time: Timestamp
    let members: LazyMembers
    let timelineLimit: Int
    let settings: RoomSettings
    /// Whether modules add to events.
    let marksModuleFields: Bool

    var since: StreamPosition? { request.since?.events }

    func nextToken(accountData: StreamPosition) -> StreamToken {
        var token = request.since ?? StreamToken(events: now)
        token.events = max(now, token.events)
        token.accountData = max(accountData, token.accountData)
        return token
    }

    var eventWriter: ClientEventWriter {
        ClientEventWriter(
            viewer: viewer, now: time, room: .leftOut, format: EventFormat(request.filter),
            marksModuleFields: marksModuleFields)
    }

    private func admits(_ room: RoomHandle) -> Bool {
        request.filter.rooms.admits(room: room.id) && !settings.excludedFromSync.contains(room.id)
    }

    // MARK: From memory

    /// The answer for a client that is nearly up to date, out of the latest events alone; `nil` if storage is needed.
    func answer(fromRecent recent: [EventStream.Recent]) -> SyncAnswer? {
        let filter = request.filter
        guard let since, !request.fullState, accountData <= request.since?.accountData ?? 0,
            !filter.isFederationFormat, filter.eventFields == nil,
            !filter.state.lazyLoadsMembers, !filter.timeline.asksForRelations
        else { return nil }
        var rooms: [(room: RoomNumber, events: [EventStream.Recent])] = []
        var slots: [RoomNumber: Int] = [:]
        for entry in recent {
            let room = entry.event.room.number
            guard let place = places[room] else { continue }
            // Somebody who came or went needs more than the events.
            guard place.stream <= since else { return nil }
            guard place.membership == .join, admits(entry.event.room) else { continue }
            guard ClientEventWriter.standsAlone(entry.event) else { return nil }
            if let slot = slots[room] {
                rooms[slot].events.append(entry)
            } else {
                slots[room] = rooms.count
                rooms.append((room, [entry]))
            }
        }
        for (_, events) in rooms {
            // A gap, or a fork whose state the timeline does not show.
            guard events.count <= timelineLimit,
                events.allSatisfy({ $0.event.record.stateBefore == $0.roomStateBefore })
            else { return nil }
        }
        var body = SyncBody(token: nextToken(accountData: accountData))
        let writer = eventWriter
        for (_, events) in rooms {
            let admitted = events.filter {
                filter.timeline.admits($0.event) && filter.timeline.admits(room: $0.event.room.id)
            }
            // State that the timeline leaves out would have to be told apart from it.
            let hasState = events.contains { $0.event.stateKey != nil }
            if hasState, admitted.count < events.count || request.usesStateAfter { return nil }
            guard let first = admitted.first else { continue }
            var room = SyncRoomWriter()
            room.timeline(
                admitted.map(\.event), membership: { _ in .join }, limited: false,
                previous: StreamToken(events: events[0].event.number - 1), with: writer)
            room.state([], named: request.usesStateAfter ? "state_after" : "state", with: writer)
            room.accountData([])
            body.add(room.finishedJoined(), of: first.event.room.id, to: .join)
        }
        return body.finished()
    }

    // MARK: From storage

    /// The answer out of storage.
    func answer(from stores: RoomStores, recent: [EventStream.Recent]?) throws -> SyncAnswer {
        let news = try AccountDataSync(self, stores)
        var body = SyncBody(token: nextToken(accountData: news.position))
        body.accountData = news.global
        for room in try concernedRooms(stores, recent: recent).union(news.joinedRooms(stores)).sorted() {
            guard let place = places[room] else { continue }
            let handle = try stores.room(room)
            guard admits(handle) else { continue }
            switch place.membership {
            case .join:
                if let room = try joined(handle, place, news, stores) { body.add(room, of: handle.id, to: .join) }
            case .invite, .knock:
                if let room = try stripped(handle, place, stores) {
                    body.add(room, of: handle.id, to: place.membership == .invite ? .invite : .knock)
                }
            case .leave, .ban:
                if let room = try left(handle, place, news, stores) { body.add(room, of: handle.id, to: .leave) }
            }
        }
        return body.finished()
    }

    /// The rooms in which there may be anything new.
    private func concernedRooms(_ stores: RoomStores, recent: [EventStream.Recent]?) throws -> Set<RoomNumber> {
        guard let since else {
            return Set(
                places.lazy.filter { _, place in
                    switch place.membership {
                    case .join, .invite, .knock: true
                    case .leave, .ban: request.filter.includesLeave && !place.isForgotten
                    }
                }.map(\.key))
        }
        // Also rooms that were left and forgotten since: other devices of the user still show them.
        var rooms = Set(places.lazy.filter { $1.stream > since }.map(\.key))
        if let recent, !request.fullState {
            for entry in recent where places[entry.event.room.number]?.membership == .join {
                rooms.insert(entry.event.room.number)
            }
            return rooms
        }
        let joined = places.lazy.filter { $1.membership == .join }.map(\.key)
        rooms.formUnion(
            request.fullState ? Array(joined) : try stores.rooms(among: Array(joined), withEventsAfter: since))
        return rooms
    }

    private func joined(
        _ room: RoomHandle, _ place: UserRooms.Place, _ news: AccountDataSync, _ stores: RoomStores
    ) throws -> [UInt8]? {
        // For a room joined since, the client knows nothing: it gets what an initial sync gives.
        let wasJoined = try since.map { try place.stream <= $0 || self.wasJoined(room, at: $0, stores) } ?? false
        let known = wasJoined ? since : nil
        return try JoinedRoomSync(
            assembly: self, room: room, place: place, stores: stores, since: known,
            accountData: try news.entries(of: room, isNew: known == nil, stores)
        ).answer(upTo: now)
    }

    private func left(
        _ room: RoomHandle, _ place: UserRooms.Place, _ news: AccountDataSync, _ stores: RoomStores
    ) throws -> [UInt8]? {
        func answer(from start: StreamPosition?, to end: StreamPosition, showsState: Bool) throws -> [UInt8]? {
            try JoinedRoomSync(
                assembly: self, room: room, place: place, stores: stores, since: start, showsState: showsState,
                accountData: try news.entries(of: room, isNew: false, stores)
            ).answer(upTo: min(now, end))
        }
        if let departure = try stores.departure(by: place.event) {
            let end = departure.stream ?? place.stream
            guard let since else { return try answer(from: nil, to: end, showsState: true) }
            if try wasJoined(room, at: since, stores) { return try answer(from: since, to: end, showsState: true) }
            // Joined and left since: all of it is new.
            if end > since { return try answer(from: nil, to: end, showsState: true) }
        }
        // Who was not in the room sees nothing but what became of their invite, their knock or their ban.
        return try answer(from: place.stream - 1, to: place.stream, showsState: false)
    }

    private func wasJoined(_ room: RoomHandle, at position: StreamPosition, _ stores: RoomStores) throws -> Bool {
        guard let state = try stores.roomState(of: room, at: position),
            let event = try stores.stateEvent(.member(viewer.user), in: state)
        else { return false }
        return try stores.event(event)?.membership == .join
    }

    /// An invite's or knock's stripped state.
    private func stripped(_ room: RoomHandle, _ place: UserRooms.Place, _ stores: RoomStores) throws -> [UInt8]? {
        guard let event = try stores.event(place.event) else { return nil }
        let keys = settings.strippedState + [.member(event.sender)]
        let state = event.record.roomState ?? .empty
        var events = try stores.events(keys.compactMap { try stores.stateEvent($0, in: state) })
        if !events.contains(where: { $0.number == event.number }) { events.append(event) }
        let name = place.membership == .invite ? "invite_state" : "knock_state"
        var output = Array(#"{"\#(name)":{"events":["#.utf8)
        var separator = ListSeparator()
        for event in events {
            separator.append(to: &output)
            StrippedState.append(event, to: &output)
        }
        output.append(contentsOf: "]}}".utf8)
        return output
    }
}
