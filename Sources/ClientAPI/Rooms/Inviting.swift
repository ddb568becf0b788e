package import Homeserver
import MatrixCore
package import WebServer

/// Inviting users.
///
/// Spec: Client-Server API, [Joining rooms](https://spec.matrix.org/v1.19/client-server-api/#joining-rooms).
package struct Inviting: EndpointGroup {
    private let memberships: MembershipService

    package init(memberships: MembershipService) { self.memberships = memberships }

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/rooms/{roomId}/invite", .user(guests: false),
                aliases: ["r0", "api/v1", "unstable"], inviteUser)
        ]
    }

    /// Invites a user. `inviteBy3PID` has the same path: it names an address instead, which takes an identity server.
    @Sendable func inviteUser(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let body = try call.object(allowEmpty: true)
        if !body.contains("user_id"), body.contains("medium"), body.contains("address") {
            guard body.contains("id_server"), body.contains("id_access_token") else {
                throw MatrixError.missingParam("'id_server' and 'id_access_token' are required for this invite")
            }
            try await memberships.invite(
                body.string("medium") ?? "", body.string("address") ?? "", to: call.roomID(), by: requester)
            return .json([:])
        }
        let change = MembershipService.Change(.invite, of: try body.targetUser(), reason: body.string("reason"))
        _ = try await memberships.apply(change, in: call.roomID(), by: requester)
        return .json([:])
    }
}
