package import MatrixCore
import Storage

/// Sends what users say into rooms.
package final class RoomService: Sendable {
    private let sender: EventSender
    private let memberships: MembershipService
    private let limiter: RateLimiter

    package init(sender: EventSender, memberships: MembershipService, limiter: RateLimiter) {
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
        let handle = try await knownRoom(room, for: requester.user)
        let redacts = type == .redaction ? content.string("redacts").flatMap { EventID($0) } : nil
        let intent = EventIntent(
            type: type, content: content, sender: requester.user, redacts: redacts,
            transaction: requester.transaction(transaction))
        return try await sender.send(intent, to: handle)
    }

    /// Sets a piece of room state. A member event goes the way of the membership it asks for.
    package func setState(
        _ key: StateKey, content: JSONObject, in room: RoomID, by requester: Requester
    ) async throws -> EventID {
        if key.type == .member {
            return try await memberships.setMemberEvent(of: key.key, content: content, in: room, by: requester)
        }
        try limiter.check(.message, key: requester.user.string, for: requester)
        let handle = try await knownRoom(room, for: requester.user)
        let intent = EventIntent(
            type: key.type, stateKey: key.key, content: try await checked(content, for: key), sender: requester.user)
        return try await sender.send(intent, to: handle)
    }

    /// Redacts an event.
    package func redact(
        _ event: EventID, content: JSONObject, in room: RoomID, by requester: Requester, transaction: String? = nil
    ) async throws -> EventID {
        try limiter.check(.message, key: requester.user.string, for: requester)
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

    /// What a state event may not say, whatever the room's rules.
    private func checked(_ content: JSONObject, for key: StateKey) async throws -> JSONObject {
        guard key.type == .canonicalAlias else { return content }
        for alias in [content["alias"]].compactMap(\.self) + (content.array("alt_aliases") ?? []) {
            if case .null = alias { continue }
            guard let text = alias.stringValue, RoomAlias(text) != nil else {
                throw MatrixError.invalidParam("Room alias \(alias.stringValue ?? "") is not valid")
            }
        }
        return content
    }
}

extension Requester {
    /// The transaction of a request by this device; `nil` for a request without one.
    func transaction(_ id: String?) -> EventTransaction? {
        id.map { EventTransaction(account: accountNumber, device: device ?? DeviceID(""), id: $0) }
    }
}
