package import Homeserver
import MatrixCore
package import WebServer

/// Leaving rooms, and forgetting them.
///
/// Spec: Client-Server API, [Leaving rooms](https://spec.matrix.org/v1.19/client-server-api/#leaving-rooms).
package struct Leaving: EndpointGroup {
    private let memberships: MembershipService

    package init(memberships: MembershipService) { self.memberships = memberships }

    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post("/_matrix/client/v3/rooms/{roomId}/leave", .user(guests: true), aliases: Self.aliases, leaveRoom),
            .post("/_matrix/client/v3/rooms/{roomId}/forget", .user(guests: false), aliases: Self.aliases, forgetRoom),
        ]
    }

    /// Leaves a room, declines an invite, or takes back a knock.
    @Sendable func leaveRoom(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let body = try call.object(allowEmpty: true)
        let change = MembershipService.Change(.leave, of: requester.user, reason: body.string("reason"))
        _ = try await memberships.apply(change, in: call.roomID(), by: requester)
        return .json([:])
    }

    /// Takes a room the user left out of their lists.
    @Sendable func forgetRoom(_ call: Call) async throws -> Reply {
        try await memberships.forget(call.roomID(), by: call.user())
        return .json([:])
    }
}
