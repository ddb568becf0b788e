package import Homeserver
import MatrixCore
package import WebServer

/// Banning users.
///
/// Spec: Client-Server API,
/// [Banning users in a room](https://spec.matrix.org/v1.19/client-server-api/#banning-users-in-a-room).
package struct Banning: EndpointGroup {
    private let memberships: MembershipService

    package init(memberships: MembershipService) { self.memberships = memberships }

    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post("/_matrix/client/v3/rooms/{roomId}/ban", .user(guests: false), aliases: Self.aliases, ban),
            .post("/_matrix/client/v3/rooms/{roomId}/unban", .user(guests: false), aliases: Self.aliases, unban),
        ]
    }

    /// Bans a user.
    @Sendable func ban(_ call: Call) async throws -> Reply { try await apply(.ban, call) }

    /// Lifts a ban.
    @Sendable func unban(_ call: Call) async throws -> Reply { try await apply(.unban, call) }

    private func apply(_ action: MembershipService.Action, _ call: Call) async throws -> Reply {
        let body = try call.object(allowEmpty: true)
        let change = MembershipService.Change(action, of: try body.targetUser(), reason: body.string("reason"))
        _ = try await memberships.apply(change, in: call.roomID(), by: call.user())
        return .json([:])
    }
}
