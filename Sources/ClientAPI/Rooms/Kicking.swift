package import Homeserver
import MatrixCore
package import WebServer

/// Making others leave.
///
/// Spec: Client-Server API, [Leaving rooms](https://spec.matrix.org/v1.19/client-server-api/#leaving-rooms).
package struct Kicking: EndpointGroup {
    private let memberships: MembershipService

    package init(memberships: MembershipService) { self.memberships = memberships }

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/rooms/{roomId}/kick", .user(guests: false),
                aliases: ["r0", "api/v1", "unstable"], kick)
        ]
    }

    /// Makes a user leave, or takes back their invite.
    @Sendable func kick(_ call: Call) async throws -> Reply {
        let body = try call.object(allowEmpty: true)
        let change = MembershipService.Change(.kick, of: try body.targetUser(), reason: body.string("reason"))
        _ = try await memberships.apply(change, in: call.roomID(), by: call.user())
        return .json([:])
    }
}
