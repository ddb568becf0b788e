package import Homeserver
import MatrixCore
package import WebServer

/// Moving a room to another version.
///
/// Spec: Client-Server API, [Room Upgrades](https://spec.matrix.org/v1.19/client-server-api/#room-upgrades).
package struct RoomUpgrade: EndpointGroup {
    private let creation: RoomCreation

    package init(creation: RoomCreation) { self.creation = creation }

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/rooms/{roomId}/upgrade", .user(guests: false), aliases: ["r0", "unstable"],
                upgradeRoom)
        ]
    }

    /// Replaces a room by a new one.
    @Sendable func upgradeRoom(_ call: Call) async throws -> Reply {
        let body = try call.object()
        guard let name = body["new_version"] else {
            throw MatrixError.missingParam("Missing params: ['new_version']")
        }
        guard let version = name.stringValue.flatMap({ RoomVersion($0) }) else {
            throw MatrixError(
                status: 400, code: .unsupportedRoomVersion,
                message: "Your homeserver does not support this room version")
        }
        let replacement = try await creation.upgrade(
            call.roomID(), to: version, additionalCreators: body["additional_creators"], by: call.user())
        return .json(["replacement_room": .string(replacement.string)])
    }
}
