package import Homeserver
import MatrixCore
package import WebServer

/// What users tell everyone about themselves.
///
/// Spec: Client-Server API, [Profiles](https://spec.matrix.org/v1.19/client-server-api/#profiles).
package struct Profile: EndpointGroup {
    private let profiles: ProfileService

    package init(profiles: ProfileService) { self.profiles = profiles }

    private static let profilePath = "/_matrix/client/v3/profile/{userId}"
    private static let fieldPath = "/_matrix/client/v3/profile/{userId}/{keyName}"
    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        let readers: Access = profiles.settings.requiresAuthentication ? .user(guests: false) : .anyone
        return [
            .get(Self.profilePath, readers, aliases: Self.aliases, getUserProfile),
            .get(Self.fieldPath, readers, aliases: Self.aliases, getProfileField),
            .put(Self.fieldPath, .user(guests: true), aliases: Self.aliases, setProfileField),
            .delete(Self.fieldPath, .user(guests: true), aliases: Self.aliases, deleteProfileField),
        ]
    }

    /// Gives a whole profile.
    @Sendable func getUserProfile(_ call: Call) async throws -> Reply {
        .json(try await profiles.profile(of: call.userID(), for: call.requester))
    }

    /// Gives one field of a profile.
    @Sendable func getProfileField(_ call: Call) async throws -> Reply {
        let key = call.path("keyName")
        let value = try await profiles.field(key, of: call.userID(), for: call.requester)
        return .json(value.map { [key: $0] } ?? [:])
    }

    /// Sets one field of a profile.
    @Sendable func setProfileField(_ call: Call) async throws -> Reply {
        let key = call.path("keyName")
        guard let value = try call.object()[key] else { throw MatrixError.missingParam("Missing key '\(key)'") }
        try await profiles.setField(key, to: value, of: call.userID(), by: call.user())
        return .json([:])
    }

    /// Removes one field of a profile.
    @Sendable func deleteProfileField(_ call: Call) async throws -> Reply {
        try await profiles.setField(call.path("keyName"), to: nil, of: call.userID(), by: call.user())
        return .json([:])
    }
}
