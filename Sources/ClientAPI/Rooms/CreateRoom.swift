package import Homeserver
import MatrixCore
package import WebServer

/// Making rooms.
///
/// Spec: Client-Server API, [Creation](https://spec.matrix.org/v1.19/client-server-api/#creation).
package struct CreateRoom: EndpointGroup {
    private let creation: RoomCreation

    package init(creation: RoomCreation) { self.creation = creation }

    /// A request may bring much state with it.
    private static let bodyLimit = 1_048_576

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/createRoom", .user(guests: false), aliases: ["r0", "api/v1", "unstable"],
                bodyLimit: Self.bodyLimit, createRoom)
        ]
    }

    /// Makes a room.
    @Sendable func createRoom(_ call: Call) async throws -> Reply {
        let room = try await creation.create(call.object(), by: call.user()).room
        return .json(["room_id": .string(room.string)])
    }
}
