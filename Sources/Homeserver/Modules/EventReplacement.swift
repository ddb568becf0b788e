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
            throw Self.invalid("'\(key)' was changed")
        }
        guard let sender = object.string("sender").flatMap({ UserID($0) }) else {
            throw Self.invalid("'sender' is no user ID")
        }
        guard sender.server == server else { throw Self.invalid("the sender is not a user of this server") }
        guard let content = object.object("content") else { throw Self.invalid("'content' is no object") }
        self.sender = sender
        self.content = content
        redacts = try Self.redactedEvent(object, of: event)
    }

    /// The error for a replacement that is no valid event, also when that shows only as the event is sealed.
    package static func invalid(_ reason: String) -> MatrixError {
        MatrixError(
            status: 500, code: .unknown, message: "Third party rules module created an invalid event: \(reason)")
    }

    /// Room versions up to 10 keep `redacts` outside the content; there a module may change it like the rest.
    private static func redactedEvent(_ object: JSONObject, of event: Event) throws(MatrixError) -> EventID? {
        guard event.object.contains("redacts") else { return event.redacts }
        guard let redacts = object.string("redacts").flatMap({ EventID($0) }) else {
            throw invalid("'redacts' is no event ID")
        }
        return redacts
    }
}
