import MatrixCore
package import WebServer

/// Whom an access token stands for.
///
/// Spec: Client-Server API,
/// [Current account information](https://spec.matrix.org/v1.19/client-server-api/#current-account-information).
package struct Whoami: EndpointGroup {
    package init() {}

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/account/whoami", .user(guests: true), aliases: ["r0", "unstable"], getTokenOwner)
        ]
    }

    /// Names the user and device.
    @Sendable func getTokenOwner(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        var body: JSONObject = [:]
        body.appendNew("user_id", .string(requester.user.string))
        body.appendNew("is_guest", .bool(requester.isGuest))
        if let device = requester.device { body.appendNew("device_id", .string(device.string)) }
        return .json(body)
    }
}
