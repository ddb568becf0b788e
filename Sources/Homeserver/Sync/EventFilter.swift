package import MatrixCore
package import Storage

/// Which events a client wants: one of the parts of a sync filter, or the filter of `/messages` and `/context`.
///
/// Spec: Client-Server API, [Filtering](https://spec.matrix.org/v1.19/client-server-api/#filtering), RoomEventFilter.
package struct EventFilter: Hashable, Sendable {
    /// At most so many events; `nil` where the client did not say.
    package var limit: Int?
    package var types: [TypePattern]?
    package var notTypes: [TypePattern] = []
    package var senders: Set<UserID>?
    package var notSenders: Set<UserID> = []
    package var rooms: Set<RoomID>?
    package var notRooms: Set<RoomID> = []
    package var containsURL: Bool?
    /// Only events that one of these users' events relates to.
    package var relatedBySenders: [String]?
    /// Only events that others relate to in one of these ways.
    package var relatedByTypes: [String]?
    package var lazyLoadsMembers = false
    package var includesRedundantMembers = false

    package static let everything = EventFilter()

    package init() {}

    /// Reads a filter. Members of the wrong type count as absent; ``/filter`` refused them when it was made.
    package init(_ object: JSONObject) {
        limit = object.integer("limit").map { Int(clamping: max(0, $0)) }
        types = object["types"]?.stringArrayValue?.map(TypePattern.init)
        notTypes = object["not_types"]?.stringArrayValue?.map(TypePattern.init) ?? []
        senders = object["senders"]?.stringArrayValue.map { Set($0.map(UserID.init(trusted:))) }
        notSenders = Set(object["not_senders"]?.stringArrayValue?.map(UserID.init(trusted:)) ?? [])
        rooms = object["rooms"]?.stringArrayValue.map { Set($0.map(RoomID.init(trusted:))) }
        notRooms = Set(object["not_rooms"]?.stringArrayValue?.map(RoomID.init(trusted:)) ?? [])
        containsURL = object.bool("contains_url")
        relatedBySenders = object["related_by_senders"]?.stringArrayValue?.filter { !$0.utf8.contains(0) }
        relatedByTypes = object["related_by_rel_types"]?.stringArrayValue?.filter { !$0.utf8.contains(0) }
        lazyLoadsMembers = object.bool("lazy_load_members") ?? false
        includesRedundantMembers = object.bool("include_redundant_members") ?? false
    }

    /// Whether every event passes.
    package var admitsEverything: Bool {
        types == nil && notTypes.isEmpty && senders == nil && notSenders.isEmpty && containsURL == nil
    }

    /// Whether it takes more than the event to tell if it passes.
    package var asksForRelations: Bool { relatedBySenders != nil || relatedByTypes != nil }

    /// Whether the event passes, its relations included.
    package func admits(_ event: StoredEvent, in stores: RoomStores) throws -> Bool {
        guard admits(event) else { return false }
        guard asksForRelations else { return true }
        return try stores.hasRelation(
            to: event.eventID, in: event.room, senders: relatedBySenders, types: relatedByTypes)
    }

    package func admits(room: RoomID) -> Bool {
        !notRooms.contains(room) && (rooms?.contains(room) ?? true)
    }

    package func admits(_ event: StoredEvent) -> Bool {
        if admitsEverything { return true }
        guard admits(event.type) else { return false }
        if let senders, !senders.contains(event.sender) { return false }
        if notSenders.contains(event.sender) { return false }
        if let containsURL, (event.content().string("url") != nil) != containsURL { return false }
        return true
    }

    /// Whether a piece of account data passes, which nobody sent.
    func admits(_ entry: AccountDataEntry) -> Bool {
        if admitsEverything { return true }
        guard admits(EventType(entry.type)), senders == nil else { return false }
        guard let containsURL else { return true }
        let content = try? JSONObject.parse(Array(entry.content.utf8))
        return (content?.string("url") != nil) == containsURL
    }

    private func admits(_ type: EventType) -> Bool {
        if let types, !types.contains(where: { $0.matches(type) }) { return false }
        return !notTypes.contains { $0.matches(type) }
    }
}

/// An event type in which `*` stands for any text.
package struct TypePattern: Hashable, Sendable {
    private let parts: [[UInt8]]

    package init(_ pattern: String) {
        parts = pattern.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    package func matches(_ type: EventType) -> Bool {
        var rest = Array(type.string.utf8)[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        if parts.count == 1 { return rest.count == first.count }
        rest = rest.dropFirst(first.count)
        for part in parts[1..<(parts.count - 1)] where !part.isEmpty {
            guard let found = Self.place(of: part, in: rest) else { return false }
            rest = rest[(found + part.count)...]
        }
        guard let last = parts.last else { return true }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    private static func place(of part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        guard text.count >= part.count else { return nil }
        for start in text.startIndex...(text.endIndex - part.count) where text[start...].starts(with: part) {
            return start
        }
        return nil
    }
}

/// A filter of `/sync`.
package struct SyncFilter: Hashable, Sendable {
    package var timeline = EventFilter()
    package var state = EventFilter()
    package var accountData = EventFilter()
    package var roomAccountData = EventFilter()
    /// Rooms and room parts that apply to every part of a room's answer.
    package var rooms = EventFilter()
    /// Whether rooms the user left are part of an initial sync.
    package var includesLeave = false
    /// Dotted paths of the members to keep of each event; `nil` for all.
    package var eventFields: [[String]]?
    /// Whether events are to be in the form servers exchange.
    package var isFederationFormat = false

    package static let standard = SyncFilter()

    package init() {}

    package init(_ object: JSONObject) {
        let room = object.object("room") ?? [:]
        timeline = EventFilter(room.object("timeline") ?? [:])
        state = EventFilter(room.object("state") ?? [:])
        accountData = EventFilter(object.object("account_data") ?? [:])
        roomAccountData = EventFilter(room.object("account_data") ?? [:])
        var rooms = JSONObject()
        rooms["rooms"] = room["rooms"]
        rooms["not_rooms"] = room["not_rooms"]
        self.rooms = EventFilter(rooms)
        includesLeave = room.bool("include_leave") ?? false
        eventFields = object["event_fields"]?.stringArrayValue?.map(Self.path)
        isFederationFormat = object.string("event_format") == "federation"
    }

    /// Splits a path at its dots; `\.` is a dot within a name.
    private static func path(_ field: String) -> [String] {
        var names = [""]
        var isEscaped = false
        for scalar in field.unicodeScalars {
            if isEscaped {
                if scalar != ".", scalar != "\\" { names[names.count - 1].unicodeScalars.append("\\") }
                names[names.count - 1].unicodeScalars.append(scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "." {
                names.append("")
            } else {
                names[names.count - 1].unicodeScalars.append(scalar)
            }
        }
        return names
    }

    /// Whether ``eventFields`` leave something of an event's `unsigned`.
    var keepsUnsigned: Bool { eventFields?.contains { $0.first == "unsigned" } ?? true }

    /// What ``eventFields`` leave of an event.
    package func reduce(_ event: JSONObject) -> JSONObject {
        guard let eventFields else { return event }
        var reduced = JSONObject()
        for path in eventFields { Self.copy(path[...], from: event, to: &reduced) }
        return reduced
    }

    private static func copy(_ path: ArraySlice<String>, from source: JSONObject, to target: inout JSONObject) {
        guard let name = path.first, let value = source[name] else { return }
        guard path.count > 1 else {
            target[name] = value
            return
        }
        guard let inner = value.objectValue else { return }
        var copied = target.object(name) ?? [:]
        copy(path.dropFirst(), from: inner, to: &copied)
        if !copied.isEmpty { target[name] = .object(copied) }
    }
}
