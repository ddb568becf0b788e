package import Homeserver
import MatrixCore
package import WebServer

/// Asking to be let in.
///
/// Spec: Client-Server API, [Knocking on rooms](https://spec.matrix.org/v1.19/client-server-api/#knocking-on-rooms).
package struct Knocking: EndpointGroup {
    private let memberships: MembershipService
    private let directory: RoomDirectory

    package init(memberships: MembershipService, directory: RoomDirectory) {
        self.memberships = memberships
        self.directory = directory
    }

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/knock/{roomIdOrAlias}", .user(guests: false), aliases: ["r0", "unstable"],
                knockRoom)
        ]
    }

    /// Knocks on a room.
    @Sendable func knockRoom(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let body = try call.object(allowEmpty: true)
        let room = try await call.room(in: directory)
        let change = MembershipService.Change(.knock, of: requester.user, reason: body.string("reason"))
        _ = try await memberships.apply(change, in: room, by: requester)
        return .json(["room_id": .string(room.string)])
    }
}
