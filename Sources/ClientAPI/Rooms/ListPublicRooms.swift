package import Homeserver
import MatrixCore
package import WebServer

/// The rooms this server publishes.
///
/// Spec: Client-Server API,
/// [Published room directory](https://spec.matrix.org/v1.19/client-server-api/#published-room-directory).
package struct ListPublicRooms: EndpointGroup {
    private let directory: RoomDirectory

    package init(directory: RoomDirectory) { self.directory = directory }

    private static let visibilityPath = "/_matrix/client/v3/directory/list/room/{roomId}"
    private static let listPath = "/_matrix/client/v3/publicRooms"
    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        // The specification opens the list to anyone; `allow_public_rooms_without_auth` decides, as in Synapse.
        let readers: Access = directory.settings.showsDirectoryToAnyone ? .optional : .user(guests: true)
        return [
            .get(Self.visibilityPath, .anyone, aliases: Self.aliases, getRoomVisibilityOnDirectory),
            .put(Self.visibilityPath, .user(guests: false), aliases: Self.aliases, setRoomVisibilityOnDirectory),
            .get(Self.listPath, readers, aliases: Self.aliases, getPublicRooms),
            .post(Self.listPath, .user(guests: true), aliases: Self.aliases, queryPublicRooms),
        ]
    }

    /// Says whether a room is published.
    @Sendable func getRoomVisibilityOnDirectory(_ call: Call) async throws -> Reply {
        guard let room = RoomID(call.path("roomId")) else { throw MatrixError.notFound("Unknown room") }
        return .json(["visibility": try await directory.isPublished(room) ? "public" : "private"])
    }

    /// Publishes a room, or ceases to.
    @Sendable func setRoomVisibilityOnDirectory(_ call: Call) async throws -> Reply {
        let visibility = try call.object()["visibility"] ?? "public"
        guard let word = visibility.stringValue, ["public", "private"].contains(word) else {
            throw MatrixError.badJSON("'visibility' must be 'public' or 'private'")
        }
        guard let room = RoomID(call.path("roomId")) else { throw MatrixError.notFound("Unknown room") }
        try await directory.setPublished(word == "public", room, by: call.user())
        return .json([:])
    }

    /// Lists published rooms.
    @Sendable func getPublicRooms(_ call: Call) async throws -> Reply {
        try checkServer(call)
        return .json(
            try await directory.publicRooms(
                PublicRoomsRequest(
                    limit: Self.limit(try call.queryCount("limit")), since: Self.token(call.query("since")))))
    }

    /// Looks for published rooms.
    @Sendable func queryPublicRooms(_ call: Call) async throws -> Reply {
        let request = try Self.request(call.object())
        try checkServer(call)
        return .json(try await directory.publicRooms(request))
    }

    private static func limit(_ given: Int?) -> Int {
        // As for Synapse, zero is no limit.
        given == 0 ? PublicRoomsRequest.maximumLimit : given ?? PublicRoomsRequest.standardLimit
    }

    /// Clients ask for the first page with an empty token, too.
    private static func token(_ text: String?) -> String? { text?.isEmpty == true ? nil : text }

    private static func request(_ body: JSONObject) throws(MatrixError) -> PublicRoomsRequest {
        func text(_ object: JSONObject, _ key: String) throws(MatrixError) -> String? {
            guard let value = object[key], !value.isNull else { return nil }
            guard let text = value.stringValue else { throw .badJSON("'\(key)' must be a string") }
            return text
        }
        var request = PublicRoomsRequest(since: token(try text(body, "since")))
        if let value = body["limit"], !value.isNull {
            guard let number = value.integerValue, number >= 0 else {
                throw .badJSON("'limit' must be a number that is not negative")
            }
            request.limit = min(Self.limit(Int(clamping: number)), PublicRoomsRequest.maximumLimit)
        }
        if let network = try text(body, "third_party_instance_id") {
            if body.bool("include_all_networks") == true {
                throw MatrixError(
                    status: 400, code: .unknown,
                    message: "Can't use include_all_networks with an explicit network")
            }
            // Only application services have networks, and there are none.
            throw MatrixError(status: 400, code: .unknown, message: "Invalid ID '\(network)'")
        }
        guard let value = body["filter"], !value.isNull else { return request }
        guard let filter = value.objectValue else { throw .badJSON("'filter' must be an object") }
        request.searchTerm = try text(filter, "generic_search_term")
        if let types = filter["room_types"], !types.isNull {
            guard let list = types.arrayValue, list.allSatisfy({ $0.isNull || $0.stringValue != nil }) else {
                throw .badJSON("'room_types' must be an array of strings and nulls")
            }
            request.types = list.map(\.stringValue)
        }
        return request
    }

    /// Refuses to list other servers' rooms.
    private func checkServer(_ call: Call) throws(MatrixError) {
        guard let text = call.query("server") else { return }
        guard let server = ServerName(text) else { throw .invalidParam("Invalid server name: \(text)") }
        guard server == directory.settings.serverName else {
            throw MatrixError(
                status: 502, code: .unknown,
                message: "Failed to fetch room list: this server does not speak to other servers yet")
        }
    }
}
