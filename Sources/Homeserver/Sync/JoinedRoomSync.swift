import MatrixCore
import Storage

/// What `/sync` says of one room that the user is in or has left.
struct JoinedRoomSync {
    let assembly: SyncAssembly
    let room: RoomHandle
    let place: UserRooms.Place
    let stores: RoomStores
    /// What the client has; `nil` if it knows nothing of the room.
    let since: StreamPosition?
    /// Whether the user may know the room's state: not who was never let in.
    var showsState = true
    /// What to tell of the user's account data for the room.
    var accountData: [AccountDataEntry] = []

    private var request: SyncRequest { assembly.request }
    private var filter: SyncFilter { request.filter }

    private struct Timeline {
        var events: [StoredEvent] = []
        var isLimited = false
        /// The position just before the first event.
        var start: StreamPosition
    }

    /// - Parameter end: The position up to which the answer tells.
    func answer(upTo end: StreamPosition) throws -> [UInt8]? {
        var visibility = try Visibility(of: assembly.viewer.user, in: room, place: place, stores: stores)
        let timeline = try timeline(upTo: end, &visibility)
        let state = try state(for: timeline, upTo: end)
        let isNew = since == nil || request.fullState
        if timeline.events.isEmpty, state.isEmpty, !timeline.isLimited, !isNew, accountData.isEmpty { return nil }

        var writer = assembly.eventWriter
        try writer.prepare(timeline.events + state, from: stores)
        var output = SyncRoomWriter()
        try output.timeline(
            timeline.events, membership: { try visibility.membership(at: $0) ?? .leave }, limited: timeline.isLimited,
            previous: StreamToken(events: timeline.start), with: writer)
        output.state(state, named: request.usesStateAfter ? "state_after" : "state", with: writer)
        output.accountData(accountData)
        guard place.membership == .join else { return output.finishedLeft() }
        if let summary = try summary(timeline, state) {
            output.summary(heroes: summary.heroes, joined: summary.joined, invited: summary.invited)
        }
        return output.finishedJoined()
    }

    // MARK: Timeline

    /// How many rounds of events that are not to be shown to read past.
    private static let maximumRounds = 20
    /// How many events to read in each round but the first.
    private static let furtherEvents = 100

    private func timeline(upTo end: StreamPosition, _ visibility: inout Visibility) throws -> Timeline {
        let limit = assembly.timelineLimit
        var found: [StoredEvent] = []
        var upper = end
        // Who joined since the last answer has a gap before the timeline, whatever stands in it.
        var timeline = Timeline(isLimited: since == nil && request.since != nil, start: end)
        guard filter.timeline.admits(room: room.id) else { return timeline }
        rounds: for round in 1... {
            let wanted = max(limit + 1 - found.count, round == 1 ? 0 : Self.furtherEvents)
            let entries = try stores.timeline(
                of: room, after: since ?? 0, upTo: upper, limit: wanted, .backwards)
            for event in try stores.events(entries.map(\.number)) {
                guard try filter.timeline.admits(event, in: stores), try visibility.admits(event) else { continue }
                if found.count == limit {
                    timeline.isLimited = true
                    break rounds
                }
                found.append(event)
            }
            guard entries.count == wanted, let last = entries.last else { break }
            upper = last.stream - 1
            if round == Self.maximumRounds {
                // There may be more to show where nobody looked.
                timeline.isLimited = true
                timeline.start = upper
                break
            }
        }
        if let first = found.last?.stream { timeline.start = first - 1 }
        timeline.events = found.reversed()
        return timeline
    }

    // MARK: State

    /// The state events to send beside the timeline.
    private func state(for timeline: Timeline, upTo end: StreamPosition) throws -> [StoredEvent] {
        guard showsState, filter.state.admits(room: room.id) else { return [] }
        let before = try since.flatMap { request.fullState ? nil : try stores.roomState(of: room, at: $0) }
        let final = try stores.roomState(of: room, at: end) ?? .empty
        // State and timeline follow the stream, so where the graph forks it is the room's state that counts, not the event's.
        let target = request.usesStateAfter ? final : try stores.roomState(of: room, at: timeline.start) ?? .empty
        // What a fork's resolution changed, or the filter keeps out, shows in no event of the timeline.
        let shown = Set(timeline.events.map(\.number))
        let hidden = try stores.states.differences(from: target, to: final).filter { difference in
            difference.new.map { !shown.contains($0) } ?? false
        }
        let overtaken = Set(hidden.map(\.key))
        let differences =
            try stores.states.differences(from: before ?? .empty, to: target).filter { !overtaken.contains($0.key) }
            + hidden
        let lazy = filter.state.lazyLoadsMembers
        var numbers: [EventNumber] = []
        for difference in differences {
            guard let event = difference.new else { continue }
            // Of what changed since the last answer everything is told: the client may have loaded all members meanwhile.
            if lazy, before == nil {
                let key = try stores.key(difference.key)
                if key.type == .member, !key.key.hasSameBytes(as: assembly.viewer.user.string) { continue }
            }
            numbers.append(event)
        }
        if lazy {
            let told = Set(numbers)
            numbers += try lazyMembers(timeline, in: target).filter { !told.contains($0) }
        }
        return try stores.events(numbers).filter(filter.state.admits)
    }

    /// The member events of those who sent the timeline, as far as the client does not have them.
    private func lazyMembers(_ timeline: Timeline, in state: StateRoot) throws -> [EventNumber] {
        if since == nil { assembly.members.forget(assembly.viewer, room: room.number) }
        var sent = assembly.members.sent(to: assembly.viewer, in: room.number)
        var numbers: [EventNumber] = []
        var wanted = timeline.events.map(\.sender)
        if since == nil || timeline.isLimited || timeline.events.contains(where: { $0.type == .member }) {
            wanted += try heroes()
        }
        for user in Set(wanted).sorted() {
            guard let key = try stores.userNumber(user), let event = try stores.states.event(under: key, in: state)
            else { continue }
            if sent[key] == event, !filter.state.includesRedundantMembers { continue }
            sent[key] = event
            numbers.append(event)
        }
        // What the timeline itself shows need not be sent again either.
        for event in timeline.events where event.type == .member {
            if let key = event.record.stateKey { sent[key] = event.number }
        }
        assembly.members.note(sent, sentTo: assembly.viewer, in: room.number)
        return numbers
    }

    // MARK: Summary

    private func summary(
        _ timeline: Timeline, _ state: [StoredEvent]
    ) throws -> (heroes: [UserID], joined: Int, invited: Int)? {
        guard filter.state.lazyLoadsMembers else { return nil }
        let changed = (timeline.events + state).contains { $0.type == .member }
        guard since == nil || changed || timeline.isLimited else { return nil }
        let counts = try stores.memberCounts(of: room.number)
        return (try heroes(), counts.joined, counts.invited)
    }

    /// Up to five members to name the room after; none if it has a name or an alias.
    ///
    /// Spec: [RoomSummary](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200_roomsummary).
    private func heroes() throws -> [UserID] {
        let current = try stores.currentState(of: room)
        for (key, field) in [(StateKey(.name), "name"), (StateKey(.canonicalAlias), "alias")] {
            guard let number = try stores.stateEvent(key, in: current) else { continue }
            if let text = try stores.event(number)?.content().string(field), !text.isEmpty { return [] }
        }
        let own = try stores.userNumber(assembly.viewer.user)
        for memberships in [[Membership.join, .invite], [.leave, .ban]] {
            let others = try stores.members(of: room.number, memberships, limit: 6).filter { $0.user != own }
            if !others.isEmpty { return try others.prefix(5).map { try stores.user($0.user) } }
        }
        return []
    }
}
