package import Homeserver
import MatrixCore
package import WebServer

/// Taking back what events say.
///
/// Spec: Client-Server API, [Redactions](https://spec.matrix.org/v1.19/client-server-api/#redactions).
package struct Redaction: EndpointGroup {
    private let rooms: RoomService

    package init(rooms: RoomService) { self.rooms = rooms }

    package var endpoints: [Endpoint] {
        [
            .put(
                "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", .user(guests: false),
                aliases: ["r0", "api/v1", "unstable"], bodyLimit: Call.eventBodyLimit, redactEvent)
        ]
    }

    /// Redacts an event, once per device and transaction ID.
    @Sendable func redactEvent(_ call: Call) async throws -> Reply {
        let event = try await rooms.redact(
            call.eventID(), content: call.object(allowEmpty: true), in: call.roomID(), by: call.user(),
            transaction: call.path("txnId"))
        return .json(["event_id": .string(event.string)])
    }
}
