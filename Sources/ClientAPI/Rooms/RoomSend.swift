package import Homeserver
import MatrixCore
package import WebServer

/// Sending events to a room.
///
/// Spec: Client-Server API,
/// [Sending events to a room](https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room).
package struct RoomSend: EndpointGroup {
    private let rooms: RoomService

    package init(rooms: RoomService) { self.rooms = rooms }

    package var endpoints: [Endpoint] {
        [
            .put(
                "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", .user(guests: true),
                aliases: ["r0", "api/v1", "unstable"], bodyLimit: Call.eventBodyLimit, sendMessage)
        ]
    }

    /// Sends an event, once per device and transaction ID.
    @Sendable func sendMessage(_ call: Call) async throws -> Reply {
        let event = try await rooms.send(
            type: EventType(call.path("eventType")), content: call.object(), to: call.roomID(), by: call.user(),
            transaction: call.path("txnId"))
        return .json(["event_id": .string(event.string)])
    }
}
