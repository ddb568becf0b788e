package import MatrixCore
import Storage

/// Sends what users say into rooms.
package final class RoomService: Sendable {
    private let sender: EventSender
    private let memberships: MembershipService
    private let modules: ModuleRegistry
    private let limiter: RateLimiter

    package init(sender: EventSender, memberships: MembershipService, limiter: RateLimiter) {
        modules = sender.modules
        self.sender = sender
        self.memberships = memberships
        self.limiter = limiter
    }

    /// Sends an event that is no state.
    /// - Parameter transaction: The client's ID for the request; the same one again returns the same event.
    package func send(
        type: EventType, content: JSONObject, to room: RoomID, by requester: Requester, transaction: String? = nil
    ) async throws -> EventID {
        try limiter.check(.message, key: requester.user.string, for: requester)
        if requester.isShadowBanned {
            return try await memberships.shadowBan.event(in: room, requester.transaction(transaction))
        }
        let handle = try await knownRoom(room, for: requester.user)
        let redacts = type == .redaction ? content.string("redacts").flatMap { EventID($0) } : nil
        let intent = EventIntent(
            type: type, content: content, sender: requester.user, redacts: redacts,
            transaction: requester.transaction(transaction))
        return try await send(intent, to: handle)
    }

    /// Sends an event other than a membership, past rate limits.
    func send(_ intent: EventIntent, to room: RoomHandle) async throws -> EventID {
        let event = try await sender.send(intent, to: room) { [self] intent in
            if intent.stateKey == nil {
                try await checkRelation(of: intent, in: room)
            } else if intent.state == StateKey(.canonicalAlias) {
                try await checkAliases(intent.content, of: room)
            }
        }
        if intent.state == StateKey(.guestAccess) {
            // In a task of its own: a client that hangs up is not to leave some of them in the room.
            try await Task { [memberships] in try await memberships.removeGuests(from: room) }.value
        }
        return event
    }

    /// Refuses relations to what is not there, threads within threads, and saying the same of an event twice.
    ///
    /// Spec: Client-Server API,
    /// [Avoiding duplicate annotations](https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations).
    private func checkRelation(of intent: EventIntent, in room: RoomHandle) async throws {
        guard let relation = intent.content.object("m.relates_to"), let type = relation.string("rel_type"),
            let target = relation.string("event_id")
        else { return }
        // Asked first, so that nobody learns which events there are in rooms they are not in.
        guard try await sender.states.current(.member(intent.sender), in: room)?.membership == .join else { return }
        guard let id = EventID(target), let parent = try await sender.states.event(id), parent.roomID == room.id else {
            throw MatrixError.unknown("Can't send relation to unknown event")
        }
        switch type {
        case "m.annotation":
            guard let key = relation.string("key") else { throw MatrixError.unknown("Missing aggregation key") }
            let isThere = try await sender.states.hasAnnotation(
                by: intent.sender, of: id, type: intent.type, key: key, in: room)
            if isThere {
                throw MatrixError(
                    status: 400, code: .duplicateAnnotation, message: "Can't send same reaction twice")
            }
        case "m.thread" where parent.content.object("m.relates_to")?.string("rel_type") != nil:
            throw MatrixError.unknown("Cannot start threads from an event with a relation")
        default: break
        }
    }

    /// Sets a piece of room state. A member event goes the way of the membership it asks for.
    package func setState(
        _ key: StateKey, content: JSONObject, in room: RoomID, by requester: Requester
    ) async throws -> EventID {
        if !requester.isAdmin {
            try await modules.userMaySendStateEvent(user: requester.user, room: room, key: key, content: content)
        }
        if key.type == .member {
            return try await memberships.setMemberEvent(of: key.key, content: content, in: room, by: requester)
        }
        try limiter.check(.message, key: requester.user.string, for: requester)
        if requester.isShadowBanned { return try await memberships.shadowBan.event(in: room) }
        let handle = try await knownRoom(room, for: requester.user)
        let intent = EventIntent(
            type: key.type, stateKey: key.key, content: content, sender: requester.user)
        return try await send(intent, to: handle)
    }

    /// Redacts an event.
    package func redact(
        _ event: EventID, content: JSONObject, in room: RoomID, by requester: Requester, transaction: String? = nil
    ) async throws -> EventID {
        try limiter.check(.message, key: requester.user.string, for: requester)
        if requester.isShadowBanned {
            return try await memberships.shadowBan.event(in: room, requester.transaction(transaction))
        }
        let handle = try await knownRoom(room, for: requester.user)
        var content = content
        content["redacts"] = handle.version.eventFormat.redactsIsInContent ? .string(event.string) : nil
        let intent = EventIntent(
            type: .redaction, content: content, sender: requester.user, redacts: event,
            transaction: requester.transaction(transaction))
        return try await sender.send(intent, to: handle)
    }

    private func knownRoom(_ id: RoomID, for user: UserID) async throws -> RoomHandle {
        guard let room = try await sender.states.room(id) else {
            throw MatrixError.forbidden("User \(user) not in room \(id)")
        }
        return room
    }

    /// Refuses aliases that do not point to the room, but for those it goes by already.
    private func checkAliases(_ content: JSONObject, of room: RoomHandle) async throws {
        let aliases = try CanonicalAlias.aliases(in: content)
        let current = try await sender.states.current(StateKey(.canonicalAlias), in: room)?.content
        let known = try? current.map { try CanonicalAlias.aliases(in: $0) }
        for alias in aliases where known?.contains(alias) != true {
            guard alias.server == sender.composer.serverName, try await sender.states.room(under: alias) == room else {
                throw CanonicalAlias.pointsElsewhere(alias)
            }
        }
    }
}

/// What clients may say in `m.room.canonical_alias`.
///
/// Spec: [m.room.canonical_alias](https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias).
enum CanonicalAlias {
    /// The aliases that the content names, main and others.
    /// - Throws: 400 `M_INVALID_PARAM` for what is none.
    static func aliases(in content: JSONObject) throws(MatrixError) -> [RoomAlias] {
        var named: [JSON] = []
        if let main = content["alias"], !main.isNull, main.stringValue?.isEmpty != true {
            guard main.stringValue != nil else { throw .invalidParam("The alias must be of type string.") }
            named.append(main)
        }
        if let others = content["alt_aliases"], !others.isNull {
            guard let list = others.arrayValue else { throw .invalidParam("The alt_aliases property must be a list.") }
            named += list
        }
        var aliases: [RoomAlias] = []
        for value in named {
            guard let text = value.stringValue else { throw .invalidParam("Each alt_alias must be of type string.") }
            guard text.utf8.first == UInt8(ascii: "#") else {
                throw .invalidParam("Expected RoomAlias string to start with '#'")
            }
            guard let alias = RoomAlias(text) else { throw .invalidParam("Room alias \(text) is not valid") }
            aliases.append(alias)
        }
        return aliases
    }

    static func pointsElsewhere(_ alias: RoomAlias) -> MatrixError {
        MatrixError(status: 400, code: .badAlias, message: "Room alias \(alias) does not point to the room")
    }
}

extension Requester {
    /// The transaction of a request by this device; `nil` for a request without one.
    func transaction(_ id: String?) -> EventTransaction? {
        id.map { EventTransaction(account: accountNumber, device: device ?? DeviceID(""), id: $0) }
    }
}
