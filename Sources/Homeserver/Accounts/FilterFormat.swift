package import MatrixCore

/// The form a filter must have. Members that are not known are left alone.
package enum FilterFormat {
    /// Checks a filter that a client sent, whole or inline in a query.
    /// - Throws: 400 `M_BAD_JSON` naming the member that is wrong.
    package static func validate(_ filter: JSONObject) throws(MatrixError) {
        try strings(filter, "event_fields", at: "")
        if let format = filter["event_format"], !["client", "federation"].contains(format.stringValue) {
            throw .badJSON("'event_format' must be 'client' or 'federation'")
        }
        for key in ["presence", "account_data"] {
            if let part = try object(filter, key, at: "") { try eventFilter(part, at: key) }
        }
        guard let room = try object(filter, "room", at: "") else { return }
        try roomIDs(room, at: "room")
        try bool(room, "include_leave", at: "room")
        for key in ["state", "timeline", "ephemeral", "account_data"] {
            if let part = try object(room, key, at: "room") { try roomEventFilter(part, at: "room.\(key)") }
        }
    }

    /// Checks a `RoomEventFilter`, such as the `filter` of `/messages`.
    /// - Throws: As ``validate(_:)``.
    package static func validate(roomEventFilter filter: JSONObject) throws(MatrixError) {
        try roomEventFilter(filter, at: "")
    }

    private static func eventFilter(_ filter: JSONObject, at path: String) throws(MatrixError) {
        if let limit = filter["limit"] {
            guard let number = limit.integerValue, number >= 0 else {
                throw .badJSON("'\(join(path, "limit"))' must be a non-negative integer")
            }
        }
        for key in ["types", "not_types"] { try strings(filter, key, at: path) }
        for key in ["senders", "not_senders"] {
            for user in try strings(filter, key, at: path) where UserID(user) == nil {
                throw .badJSON("'\(join(path, key))' holds '\(user)', which is not a user ID")
            }
        }
    }

    private static func roomEventFilter(_ filter: JSONObject, at path: String) throws(MatrixError) {
        try eventFilter(filter, at: path)
        try roomIDs(filter, at: path)
        for key in [
            "lazy_load_members", "include_redundant_members", "contains_url", "unread_thread_notifications",
        ] {
            try bool(filter, key, at: path)
        }
        for key in ["related_by_senders", "related_by_rel_types", "org.matrix.labels", "org.matrix.not_labels"] {
            try strings(filter, key, at: path)
        }
    }

    private static func roomIDs(_ filter: JSONObject, at path: String) throws(MatrixError) {
        for key in ["rooms", "not_rooms"] {
            for room in try strings(filter, key, at: path) where RoomID(room) == nil {
                throw .badJSON("'\(join(path, key))' holds '\(room)', which is not a room ID")
            }
        }
    }

    @discardableResult
    private static func strings(
        _ filter: JSONObject, _ key: String, at path: String
    ) throws(MatrixError) -> [String] {
        guard let value = filter[key] else { return [] }
        guard let strings = value.stringArrayValue else {
            throw .badJSON("'\(join(path, key))' must be an array of strings")
        }
        return strings
    }

    private static func bool(_ filter: JSONObject, _ key: String, at path: String) throws(MatrixError) {
        guard let value = filter[key], value.boolValue == nil else { return }
        throw .badJSON("'\(join(path, key))' must be true or false")
    }

    private static func object(
        _ filter: JSONObject, _ key: String, at path: String
    ) throws(MatrixError) -> JSONObject? {
        guard let value = filter[key] else { return nil }
        guard let object = value.objectValue else { throw .badJSON("'\(join(path, key))' must be an object") }
        return object
    }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
