package import Homeserver
import MatrixCore
package import WebServer

/// Logging out.
///
/// Spec: Client-Server API, [Login](https://spec.matrix.org/v1.19/client-server-api/#login).
package struct Logout: EndpointGroup {
    private let devices: DeviceService

    package init(devices: DeviceService) { self.devices = devices }

    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post("/_matrix/client/v3/logout", .user(guests: true), aliases: Self.aliases, logout)
                .admittingExpiredAccounts,
            .post("/_matrix/client/v3/logout/all", .user(guests: true), aliases: Self.aliases, logout_all)
                .admittingExpiredAccounts,
        ]
    }

    /// Ends the access token of the request.
    @Sendable func logout(_ call: Call) async throws -> Reply {
        try await devices.logOut(call.user(), accessToken: call.accessToken)
        return .json([:])
    }

    /// Ends all access tokens of the user. The name is the specification's.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    @Sendable func logout_all(_ call: Call) async throws -> Reply {
        try await devices.logOutEverywhere(call.user(), accessToken: call.accessToken)
        return .json([:])
    }
}
