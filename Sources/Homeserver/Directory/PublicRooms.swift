package import MatrixCore
import SQLEngine
import Storage

/// Which published rooms somebody looks for.
package struct PublicRoomsRequest: Sendable {
    /// How many rooms to give, at most.
    package var limit: Int
    /// Where to go on: a `next_batch` or `prev_batch`.
    package var since: String?
    /// What the room's name, topic or canonical alias is to contain, in any case.
    package var searchTerm: String?
    /// The room types to give, `nil` among them for rooms without one; `nil` for all.
    package var types: [String?]?

    /// The most that is given at once.
    package static let maximumLimit = 1_000
    /// What is given to somebody who does not say.
    package static let standardLimit = 100

    package init(
        limit: Int = standardLimit, since: String? = nil, searchTerm: String? = nil, types: [String?]? = nil
    ) {
        self.limit = min(limit, Self.maximumLimit)
        self.since = since
        self.searchTerm = searchTerm
        self.types = types
    }
}

extension RoomDirectory {
    /// A page of the published rooms, those with the most members first.
    ///
    /// Spec: [publicRooms](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms).
    /// - Throws: 400 `M_INVALID_PARAM` if `since` is no place in the list.
    package func publicRooms(_ request: PublicRoomsRequest) async throws -> JSONObject {
        guard settings.listsRooms else { return ["chunk": [], "total_room_count_estimate": 0] }
        return try await database.read { [caches = states.caches] transaction in
            let stores = RoomStores(transaction, caches: caches, .reading)
            var page = PublicRoomsPage(request, stores)
            try page.fill()
            return try page.answer()
        }
    }
}

/// One page of the list while it is put together.
private struct PublicRoomsPage {
    /// A place in the list that a client goes on from, and which way.
    private struct Token {
        let isForwards: Bool
        let place: RoomStores.PublishedRoom

        /// Reads a token: `n` or `p`, the number of members, `_`, the room's ID.
        init?(_ text: String, _ stores: RoomStores) throws {
            let parts = text.dropFirst().split(separator: "_", maxSplits: 1)
            guard let direction = text.utf8.first, [UInt8(ascii: "n"), UInt8(ascii: "p")].contains(direction),
                parts.count == 2, let members = Int64(parts[0]), let id = RoomID(String(parts[1])),
                let room = try stores.room(id)
            else { return nil }
            isForwards = direction == UInt8(ascii: "n")
            place = RoomStores.PublishedRoom(room.number, joinedMembers: members)
        }
    }

    private struct Entry {
        let place: RoomStores.PublishedRoom
        let id: RoomID
        let object: JSONObject
    }

    /// How many rooms to look at for one page, at most; a search that finds little gives a short page then.
    private static let maximumLooked = 5_000
    private static let batch = 200

    private let request: PublicRoomsRequest
    private let stores: RoomStores
    private let term: String?
    private var entries: [Entry] = []
    private var isForwards = true
    private var start: RoomStores.PublishedRoom?
    /// The last room that was looked at.
    private var last: RoomStores.PublishedRoom?
    /// Whether there are rooms beyond ``last``.
    private var hasMore = true

    init(_ request: PublicRoomsRequest, _ stores: RoomStores) {
        self.request = request
        self.stores = stores
        term = request.searchTerm.flatMap { $0.isEmpty ? nil : $0.lowercased() }
    }

    mutating func fill() throws {
        if let since = request.since {
            guard let token = try Token(since, stores) else { throw MatrixError.invalidParam("Invalid 'since' token") }
            isForwards = token.isForwards
            start = token.place
        }
        last = start
        var looked = 0
        while looked < Self.maximumLooked {
            let batch = try next()
            for place in batch {
                if entries.count == request.limit { return }
                last = place
                if let entry = try entry(place) { entries.append(entry) }
            }
            if batch.count < Self.batch {
                hasMore = false
                return
            }
            looked += batch.count
        }
    }

    private func next() throws -> [RoomStores.PublishedRoom] {
        if isForwards { return try stores.publishedRooms(after: last, limit: Self.batch) }
        guard let last else { return [] }
        return try stores.publishedRooms(before: last, limit: Self.batch)
    }

    /// What is said of a room; `nil` if it is not looked for.
    private func entry(_ place: RoomStores.PublishedRoom) throws -> Entry? {
        guard place.joinedMembers > 0 else { return nil }
        let room = try stores.room(place.room)
        let state = try stores.currentState(of: room)
        func content(_ key: StateKey) throws -> JSONObject? {
            try stores.stateEvent(key, in: state).flatMap { try stores.event($0)?.content() }
        }
        let type = try content(.create)?.string("type")
        if let types = request.types, !types.contains(where: { Self.isSame($0, type) }) { return nil }
        let name = try content(StateKey(.name))?.string("name")
        let topic = try content(StateKey(.topic))?.string("topic")
        let alias = try content(StateKey(.canonicalAlias))?.string("alias")
        if let term, ![name, topic, alias].contains(where: { $0?.lowercased().contains(term) == true }) { return nil }

        var object: JSONObject = ["room_id": .string(room.id.string)]
        func add(_ key: String, _ text: String?) {
            if let text, !text.isEmpty { object.appendNew(key, .string(text)) }
        }
        add("name", name)
        add("topic", topic)
        add("canonical_alias", alias)
        object.appendNew("num_joined_members", .integer(place.joinedMembers))
        add("avatar_url", try content(StateKey(.avatar))?.string("url"))
        let visibility = try content(.historyVisibility).map { HistoryVisibility($0) }
        object.appendNew("world_readable", .bool(visibility == .worldReadable))
        let guests = try content(StateKey(.guestAccess))?.string("guest_access")
        object.appendNew("guest_can_join", .bool(guests == "can_join"))
        add("join_rule", try content(.joinRules)?.string("join_rule"))
        add("room_type", type)
        return Entry(place: place, id: room.id, object: object)
    }

    private static func isSame(_ one: String?, _ other: String?) -> Bool {
        switch (one, other) {
        case (nil, nil): true
        case (let one?, let other?): one.hasSameBytes(as: other)
        default: false
        }
    }

    /// The page as it goes to the client, always in the order of the whole list.
    func answer() throws -> JSONObject {
        let ordered = isForwards ? entries : entries.reversed()
        var answer: JSONObject = ["chunk": .array(ordered.map { .object($0.object) })]
        let (before, after) = isForwards ? (start != nil, hasMore) : (hasMore, start != nil)
        if before { answer["prev_batch"] = try token("p", ordered.first?.place ?? last) }
        // A page that holds nothing goes on where it stopped looking.
        if after { answer["next_batch"] = try token("n", isForwards ? last : ordered.last?.place ?? last) }
        answer["total_room_count_estimate"] = .integer(Int64(try stores.publishedRoomCount()))
        return answer
    }

    private func token(_ direction: String, _ place: RoomStores.PublishedRoom?) throws -> JSON? {
        try place.map { .string("\(direction)\($0.joinedMembers)_\(try stores.room($0.room).id)") }
    }
}
