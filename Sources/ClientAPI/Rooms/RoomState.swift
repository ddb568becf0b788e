package import Homeserver
import MatrixCore
package import WebServer

/// Setting a room's state.
///
/// Spec: Client-Server API,
/// [Sending events to a room](https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room).
package struct RoomState: EndpointGroup {
    private let rooms: RoomService

    package init(rooms: RoomService) { self.rooms = rooms }

    private static let versions = ["v3", "r0", "api/v1", "unstable"]

    /// "If the state key is an empty string, the trailing slash on this endpoint is optional."
    static let shortPaths = versions.map { "/_matrix/client/\($0)/rooms/{roomId}/state/{eventType}" }

    package var endpoints: [Endpoint] {
        [
            .put(
                "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", .user(guests: true),
                aliases: Self.versions.dropFirst() + Self.shortPaths, bodyLimit: Call.eventBodyLimit,
                setRoomStateWithKey)
        ]
    }

    /// Sets one piece of state.
    @Sendable func setRoomStateWithKey(_ call: Call) async throws -> Reply {
        let event = try await rooms.setState(
            StateKey(EventType(call.path("eventType")), call.path("stateKey")), content: call.object(),
            in: call.roomID(), by: call.user())
        return .json(["event_id": .string(event.string)])
    }
}
