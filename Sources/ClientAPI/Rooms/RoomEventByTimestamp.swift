package import Homeserver
import MatrixCore
package import WebServer

/// Finding an event by its time.
///
/// Spec: Client-Server API,
/// [Jump to date](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event).
package struct RoomEventByTimestamp: EndpointGroup {
    private let reader: RoomReader

    package init(reader: RoomReader) { self.reader = reader }

    package var endpoints: [Endpoint] {
        [
            .get("/_matrix/client/v1/rooms/{roomId}/timestamp_to_event", .user(guests: false), getEventByTimestamp)
        ]
    }

    /// Gives the event closest to a moment.
    @Sendable func getEventByTimestamp(_ call: Call) async throws -> Reply {
        guard let milliseconds = try call.queryCount("ts") else {
            throw MatrixError.missingParam("Missing required integer query parameter ts")
        }
        let (event, sentAt) = try await reader.event(
            of: call.roomID(), closestTo: Timestamp(milliseconds: Int64(milliseconds)),
            call.queryDirection(orElse: .forwards), by: call.user())
        return .json(["event_id": .string(event.string), "origin_server_ts": .integer(sentAt.milliseconds)])
    }
}
