package import MatrixCore
import Storage

extension RoomReader {
    /// The member events with one of `memberships`, as `{"chunk": […]}`.
    /// - Parameter at: Where in the event stream to look; `nil` for now, or for when the requester left.
    /// - Throws: 403 if the requester may not read the room, or not at that moment.
    package func members(
        of room: RoomID, at token: StreamToken?, _ memberships: Set<Membership>, by requester: Requester
    ) async throws -> [UInt8] {
        try await writeAllowed(room, by: requester) { reading, access in
            let events: [StoredEvent]
            if let token {
                let position = min(token.events, access.end)
                try reading.checkVisible(at: position)
                let state = try reading.stores.roomState(of: reading.room, at: position) ?? .empty
                events = try reading.members(in: state, memberships)
            } else if access.kind == .departed {
                events = try reading.members(in: access.state, memberships)
            } else {
                events = try reading.currentMembers(Array(memberships))
            }
            var output = Array(#"{"chunk":"#.utf8)
            output.append(contentsOf: try reading.list(events))
            output.append(UInt8(ascii: "}"))
            return output
        }
    }

    /// Names and avatars of the joined members, as `{"joined": {…}}`.
    /// - Throws: 403 unless the requester is joined or the room is open to readers.
    package func joinedMembers(of room: RoomID, by requester: Requester) async throws -> [UInt8] {
        try await readAllowed(room, by: requester) { reading, access in
            guard access.kind != .departed else {
                throw MatrixError.forbidden(
                    "Getting joined members while not being a current member of the room is forbidden.")
            }
            var output = Array(#"{"joined":{"#.utf8)
            var separator = ListSeparator()
            for event in try reading.currentMembers([.join]) {
                let content = event.content()
                separator.append(to: &output)
                output.appendJSONString(event.stateKey ?? "")
                output.append(contentsOf: #":{"avatar_url":"#.utf8)
                output.append(text: content.string("avatar_url"))
                output.append(contentsOf: #","display_name":"#.utf8)
                output.append(text: content.string("displayname"))
                output.append(UInt8(ascii: "}"))
            }
            output.append(contentsOf: "}}".utf8)
            return output
        }
    }
}

extension RoomReading {
    /// Current member events, by the table of memberships.
    fileprivate func currentMembers(_ memberships: [Membership]) throws -> [StoredEvent] {
        guard !memberships.isEmpty else { return [] }
        return try stores.events(stores.members(of: room.number, memberships).map(\.event))
    }

    /// The member events of a past state.
    fileprivate func members(in state: StateRoot, _ memberships: Set<Membership>) throws -> [StoredEvent] {
        let entries = try stores.states.entries(of: state).filter { try stores.key($0.key).type == .member }
        return try stores.events(entries.map(\.event)).filter { event in
            event.membership.map(memberships.contains) ?? false
        }
    }

    /// Refuses a look at the room at a moment whose events the viewer may not see.
    fileprivate func checkVisible(at position: StreamPosition) throws {
        let last = try stores.timeline(of: room, after: .min, upTo: position, limit: 1, .backwards).first
        guard let last, let event = try stores.event(last.number) else { return }
        var visibility = try visibility()
        guard try visibility.admits(event) else {
            throw MatrixError.forbidden("User \(viewer.user) not allowed to view \(room.id) at this token")
        }
    }
}

extension [UInt8] {
    /// Appends a JSON string, or `null`.
    fileprivate mutating func append(text: String?) {
        if let text { appendJSONString(text) } else { append(contentsOf: "null".utf8) }
    }
}
