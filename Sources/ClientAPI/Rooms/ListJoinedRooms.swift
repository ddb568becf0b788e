package import Homeserver
import MatrixCore
package import WebServer

/// The rooms a user is in.
///
/// Spec: Client-Server API, [Room membership](https://spec.matrix.org/v1.19/client-server-api/#room-membership).
package struct ListJoinedRooms: EndpointGroup {
    private let memberships: MembershipService

    package init(memberships: MembershipService) { self.memberships = memberships }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/joined_rooms", .user(guests: true), aliases: ["r0", "api/v1", "unstable"],
                getJoinedRooms)
        ]
    }

    /// Lists the rooms the user is joined to.
    @Sendable func getJoinedRooms(_ call: Call) async throws -> Reply {
        let rooms = try await memberships.joinedRooms(of: call.user().user)
        return .json(["joined_rooms": .array(rooms.map { .string($0.string) })])
    }
}
