package import Homeserver
import MatrixCore
package import WebServer

/// Reading a room's timeline page by page.
///
/// Spec: Client-Server API,
/// [Syncing, pagination](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages).
package struct MessagePagination: EndpointGroup {
    private let reader: RoomReader

    package init(reader: RoomReader) { self.reader = reader }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/rooms/{roomId}/messages", .user(guests: true),
                aliases: ["r0", "api/v1", "unstable"], getRoomEvents)
        ]
    }

    /// Gives a page of the timeline.
    @Sendable func getRoomEvents(_ call: Call) async throws -> Reply {
        // The specification wants a direction; clients that do not say get the one Synapse takes.
        let request = try call.timelineRequest(orElse: .forwards, limit: 10)
        return .json(bytes: try await reader.messages(of: call.roomID(), request, by: call.user()))
    }
}
