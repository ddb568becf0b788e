package import Homeserver
import MatrixCore
package import WebServer

/// Room aliases.
///
/// Spec: Client-Server API, [Room aliases](https://spec.matrix.org/v1.19/client-server-api/#room-aliases).
package struct Directory: EndpointGroup {
    private let directory: RoomDirectory

    package init(directory: RoomDirectory) { self.directory = directory }

    private static let path = "/_matrix/client/v3/directory/room/{roomAlias}"
    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .put(Self.path, .user(guests: false), aliases: Self.aliases, setRoomAlias),
            .get(Self.path, .anyone, aliases: Self.aliases, getRoomIdByAlias),
            .delete(Self.path, .user(guests: false), aliases: Self.aliases, deleteRoomAlias),
            .get(
                "/_matrix/client/v3/rooms/{roomId}/aliases", .user(guests: false),
                aliases: ["r0", "/_matrix/client/unstable/org.matrix.msc2432/rooms/{roomId}/aliases"],
                getLocalAliases),
        ]
    }

    /// Points an alias at a room.
    @Sendable func setRoomAlias(_ call: Call) async throws -> Reply {
        let alias = try Self.alias(call)
        guard let value = try call.object()["room_id"] else {
            throw MatrixError.missingParam("Missing params: ['room_id']")
        }
        guard let text = value.stringValue else { throw MatrixError.badJSON("'room_id' must be a string") }
        guard let room = RoomID(text) else {
            throw MatrixError(status: 400, code: .unknown, message: "Room does not exist")
        }
        try await directory.create(alias, for: room, by: call.user())
        return .json([:])
    }

    /// Says which room an alias stands for.
    @Sendable func getRoomIdByAlias(_ call: Call) async throws -> Reply {
        let (room, servers) = try await directory.resolve(Self.alias(call))
        return .json([
            "room_id": .string(room.string), "servers": .array(servers.map { .string($0.string) }),
        ])
    }

    /// Removes an alias.
    @Sendable func deleteRoomAlias(_ call: Call) async throws -> Reply {
        try await directory.delete(Self.alias(call), by: call.user())
        return .json([:])
    }

    /// Lists this server's aliases of a room.
    @Sendable func getLocalAliases(_ call: Call) async throws -> Reply {
        let aliases = try await directory.aliases(of: call.roomID(), by: call.user())
        return .json(["aliases": .array(aliases.map { .string($0.string) })])
    }

    private static func alias(_ call: Call) throws(MatrixError) -> RoomAlias {
        let text = call.path("roomAlias")
        guard text.utf8.count <= 255 else {
            throw .invalidParam("Can't create aliases longer than 255 characters")
        }
        guard let alias = RoomAlias(text) else { throw .invalidParam("Room alias invalid") }
        return alias
    }
}
