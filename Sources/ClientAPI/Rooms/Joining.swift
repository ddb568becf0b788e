package import Homeserver
import MatrixCore
package import WebServer

/// Joining rooms.
///
/// Spec: Client-Server API, [Joining rooms](https://spec.matrix.org/v1.19/client-server-api/#joining-rooms).
package struct Joining: EndpointGroup {
    private let memberships: MembershipService
    private let directory: RoomDirectory

    package init(memberships: MembershipService, directory: RoomDirectory) {
        self.memberships = memberships
        self.directory = directory
    }

    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/rooms/{roomId}/join", .user(guests: true), aliases: Self.aliases, joinRoomById),
            .post("/_matrix/client/v3/join/{roomIdOrAlias}", .user(guests: true), aliases: Self.aliases, joinRoom),
        ]
    }

    /// Joins a room by its ID.
    @Sendable func joinRoomById(_ call: Call) async throws -> Reply { try await join(call.roomID(), call) }

    /// Joins a room by its ID or an alias.
    @Sendable func joinRoom(_ call: Call) async throws -> Reply {
        let body = try Self.body(call)
        return try await join(call.room(in: directory), body, call)
    }

    private func join(_ room: RoomID, _ call: Call) async throws -> Reply {
        try await join(room, Self.body(call), call)
    }

    private func join(_ room: RoomID, _ body: JSONObject, _ call: Call) async throws -> Reply {
        let requester = try call.user()
        let change = MembershipService.Change(.join, of: requester.user, reason: body.string("reason"))
        _ = try await memberships.apply(change, in: room, by: requester)
        return .json(["room_id": .string(room.string)])
    }

    private static func body(_ call: Call) throws(MatrixError) -> JSONObject {
        let body = try call.object(allowEmpty: true)
        // Proof of an invitation by a third-party identifier; nobody can be invited by one here.
        if let proof = body["third_party_signed"], !proof.isNull, proof.objectValue == nil {
            throw .badJSON("'third_party_signed' must be an object")
        }
        return body
    }
}
