package import Homeserver
import MatrixCore
package import WebServer

/// What surrounds an event.
///
/// Spec: Client-Server API, [Event context](https://spec.matrix.org/v1.19/client-server-api/#event-context).
package struct EventContext: EndpointGroup {
    private let reader: RoomReader

    package init(reader: RoomReader) { self.reader = reader }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/rooms/{roomId}/context/{eventId}", .user(guests: true),
                aliases: ["r0", "api/v1", "unstable"], getEventContext)
        ]
    }

    /// Gives an event with those around it, and the state there.
    @Sendable func getEventContext(_ call: Call) async throws -> Reply {
        let limit = min(try call.queryCount("limit") ?? 10, 1_000)
        return .json(
            bytes: try await reader.context(
                of: call.knownEventID(), in: call.roomID(), limit: limit, filter: call.queryEventFilter(),
                by: call.user()))
    }
}
