import Homeserver
import MatrixCore
import WebServer

/// What the room endpoints have in common in what they are asked.
extension Call {
    /// How many bytes a request with an event may have: 64 KiB in canonical form, with each character escaped.
    static let eventBodyLimit = 524_288

    /// A number that is not negative.
    /// - Throws: 400 `M_INVALID_PARAM` if it is anything else.
    func queryCount(_ name: String) throws(MatrixError) -> Int? {
        guard let number = try queryInteger(name) else { return nil }
        guard number >= 0 else { throw .invalidParam("Query parameter \(name) must be a positive integer.") }
        return Int(clamping: number)
    }

    /// One of a few words.
    /// - Throws: 400 `M_INVALID_PARAM` if it is anything else.
    func queryChoice<Choice: RawRepresentable<String>>(
        _ name: String, _ choices: [Choice]
    ) throws(MatrixError) -> Choice? {
        guard let text = query(name) else { return nil }
        guard let choice = choices.first(where: { $0.rawValue.hasSameBytes(as: text) }) else {
            let list = choices.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalidParam("Query parameter '\(name)' must be one of [\(list)]")
        }
        return choice
    }

    /// Which way to read a timeline.
    /// - Throws: 400 `M_INVALID_PARAM` if `dir` is neither `b` nor `f`.
    func queryDirection(orElse standard: TimelineDirection) throws(MatrixError) -> TimelineDirection {
        try queryChoice("dir", TimelineDirection.allCases) ?? standard
    }

    /// A place in the timeline; `nil` if none is named.
    ///
    /// Clients that have no token yet send an empty one (libQuotient) or the word `END`, and mean the standard place;
    /// Synapse reads them so.
    /// - Throws: 400 `M_UNKNOWN` if it is no token of this server's.
    func queryToken(_ name: String) throws(MatrixError) -> StreamToken? {
        guard let text = query(name), !text.isEmpty, text != "END" else { return nil }
        guard let token = StreamToken(text) else {
            throw MatrixError(status: 400, code: .unknown, message: "'\(name)' parameter is invalid")
        }
        return token
    }

    /// The `filter` of requests that read a timeline: a `RoomEventFilter` as JSON.
    /// - Throws: 400 `M_NOT_JSON` or `M_BAD_JSON`.
    func queryEventFilter() throws(MatrixError) -> EventFilter {
        guard let text = query("filter"), !text.isEmpty else { return .everything }
        guard let object = try? JSONObject.parse(Array(text.utf8)) else {
            throw MatrixError(
                status: 400, code: .notJSON, message: "Query parameter filter must be a valid JSON object")
        }
        try FilterFormat.validate(roomEventFilter: object)
        return EventFilter(object)
    }

    /// The stretch of a timeline that a client asks for.
    /// - Parameters:
    ///   - direction: The way to read if the query does not say.
    ///   - limit: How much to give if the query does not say.
    func timelineRequest(
        orElse direction: TimelineDirection, limit: Int
    ) throws(MatrixError) -> TimelineRequest {
        TimelineRequest(
            try queryDirection(orElse: direction), from: try queryToken("from"), to: try queryToken("to"),
            limit: min(try queryCount("limit") ?? limit, 1_000), filter: try queryEventFilter())
    }

    /// - Throws: 404 `M_NOT_FOUND` if that part of the path is no event ID, as there can be no such event.
    func knownEventID(_ name: String = "eventId") throws(MatrixError) -> EventID {
        guard let id = EventID(path(name)) else { throw .notFound("Event not found.") }
        return id
    }
}

extension JSONObject {
    /// The user somebody's membership is changed of.
    /// - Throws: 400 `M_MISSING_PARAM` or `M_INVALID_PARAM`.
    func targetUser() throws(MatrixError) -> UserID {
        guard let value = self["user_id"] else { throw .missingParam("Missing params: ['user_id']") }
        guard let user = value.stringValue.flatMap({ UserID($0) }) else {
            throw .invalidParam("'user_id' is not a valid user ID")
        }
        return user
    }
}
