package import Homeserver
package import MatrixCore
package import WebServer

/// What this server lets users do.
///
/// Spec: Client-Server API, [Capabilities negotiation](https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation).
package struct Capabilities: EndpointGroup {
    private let body: [UInt8]

    /// - Parameters:
    ///   - changesPasswords: Whether users can choose another password.
    ///   - defaultRoomVersion: The version of new rooms.
    ///   - further: Capabilities other parts of the server add.
    package init(
        profiles: ProfileSettings, changesPasswords: Bool, defaultRoomVersion: RoomVersion, further: JSONObject = [:]
    ) {
        var capabilities: JSONObject = [
            "m.room_versions": [
                "default": .string(defaultRoomVersion.id),
                "available": .object(JSONObject(RoomVersion.supported.map { ($0.id, "stable") })),
            ],
            "m.change_password": ["enabled": .bool(changesPasswords)],
            "m.set_displayname": ["enabled": .bool(profiles.allowsDisplayNameChanges)],
            "m.set_avatar_url": ["enabled": .bool(profiles.allowsAvatarChanges)],
            "m.3pid_changes": ["enabled": false],
            "m.get_login_token": ["enabled": false],
            "m.profile_fields": .object(Self.profileFields(profiles)),
        ]
        for (key, value) in further { capabilities[key] = value }
        body = (["capabilities": .object(capabilities)] as JSONObject).encoded()
    }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/capabilities", .user(guests: true), aliases: ["r0", "unstable"], getCapabilities)
        ]
    }

    /// Lists the capabilities.
    @Sendable func getCapabilities(_ call: Call) async throws -> Reply { .json(bytes: body) }

    private static func profileFields(_ profiles: ProfileSettings) -> JSONObject {
        var disallowed: [JSON] = []
        if !profiles.allowsDisplayNameChanges { disallowed.append("displayname") }
        if !profiles.allowsAvatarChanges { disallowed.append("avatar_url") }
        var fields: JSONObject = ["enabled": true]
        if !disallowed.isEmpty { fields["disallowed"] = .array(disallowed) }
        return fields
    }
}
