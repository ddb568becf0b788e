import Logging
package import MatrixCore

/// What a module's replacement of an event comes to, once checked.
///
/// A module hands back a whole event. What ties it to the room (earlier events, depth, hashes, signatures) is made anew,
/// so only these parts count; everything else in the object is ignored.
package struct EventReplacement: Hashable, Sendable {
    /// A user of this server, not always the one who asked.
    package let sender: UserID
    package let content: JSONObject
    /// The redacted event, of a redaction.
    package let redacts: EventID?

    /// Checks `object`, which a module wants in place of `event`.
    /// - Parameter server: This server.
    /// - Throws: `MatrixError` 500. The log is told which module did what.
    package init(_ object: JSONObject, of event: Event, on server: ServerName) throws(MatrixError) {
        for key in ["room_id", "type", "state_key"] where object[key] != event.object[key] {
            throw Self.refused("'\(key)' was changed")
        }
        guard let name = object.string("sender") else { throw Self.refused("'sender' is missing") }
        guard let sender = UserID(name) else {
            throw Self.invalid("Expected UserID string to start with '@'", code: .invalidParam)
        }
        guard sender.server == server else { throw Self.refused("the sender is not a user of this server") }
        guard let content = object.object("content") else { throw Self.invalid("'content' is no object") }
        self.sender = sender
        self.content = content
        redacts = try Self.redactedEvent(object, of: event)
    }

    /// The error for a replacement that is no valid event, also when that shows only as the event is sealed.
    package static func invalid(_ reason: String, code: ErrorCode = .unknown) -> MatrixError {
        MatrixError(status: 500, code: code, message: "Third party rules module created an invalid event: \(reason)")
    }

    /// The error for a replacement that is another event; clients are not told why.
    private static func refused(_ reason: String) -> MatrixError {
        log.error("A module replaced an event by one that cannot stand in its place: \(reason)")
        return .internalError
    }

    private static let log = Logger(label: "axolemma.modules")

    /// Room versions up to 10 keep `redacts` outside the content; there a module may change it like the rest.
    private static func redactedEvent(_ object: JSONObject, of event: Event) throws(MatrixError) -> EventID? {
        guard event.object.contains("redacts") else { return event.redacts }
        guard let redacts = object.string("redacts").flatMap({ EventID($0) }) else {
            throw invalid("'redacts' is no event ID")
        }
        return redacts
    }
}
