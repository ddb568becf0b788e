package import Homeserver
import MatrixCore
package import WebServer

/// What clients keep on the server.
///
/// Spec: Client-Server API, [Client Config](https://spec.matrix.org/v1.19/client-server-api/#client-config).
package struct AccountData: EndpointGroup {
    private let accountData: AccountDataService

    package init(accountData: AccountDataService) { self.accountData = accountData }

    private static let aliases = ["r0", "unstable"]
    private static let path = "/_matrix/client/v3/user/{userId}/account_data/{type}"
    private static let roomPath = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}"
    /// Lists of ignored users or of direct chats grow long.
    private static let bodyLimit = 1_048_576

    package var endpoints: [Endpoint] {
        [
            .put(
                Self.path, .user(guests: false), aliases: Self.aliases, bodyLimit: Self.bodyLimit, setAccountData),
            .get(Self.path, .user(guests: false), aliases: Self.aliases, getAccountData),
            .put(
                Self.roomPath, .user(guests: false), aliases: Self.aliases, bodyLimit: Self.bodyLimit,
                setAccountDataPerRoom),
            .get(Self.roomPath, .user(guests: false), aliases: Self.aliases, getAccountDataPerRoom),
        ]
    }

    /// Sets a piece of the account's data.
    @Sendable func setAccountData(_ call: Call) async throws -> Reply { try await set(call, in: nil) }

    /// Gives a piece of the account's data.
    @Sendable func getAccountData(_ call: Call) async throws -> Reply { try await get(call, in: nil) }

    /// Sets a piece of the account's data for a room.
    @Sendable func setAccountDataPerRoom(_ call: Call) async throws -> Reply {
        try await set(call, in: call.roomID())
    }

    /// Gives a piece of the account's data for a room.
    @Sendable func getAccountDataPerRoom(_ call: Call) async throws -> Reply {
        try await get(call, in: call.roomID())
    }

    private func set(_ call: Call, in room: RoomID?) async throws -> Reply {
        try Self.checkOwner(call, "add")
        try await accountData.set(call.path("type"), in: room, to: call.object(), by: call.user())
        return .json([:])
    }

    private func get(_ call: Call, in room: RoomID?) async throws -> Reply {
        try Self.checkOwner(call, "get")
        let content = try await accountData.content(
            call.path("type"), in: room, of: call.user().accountNumber)
        guard let content else { throw MatrixError.notFound("Account data not found") }
        return .json(content)
    }

    private static func checkOwner(_ call: Call, _ verb: String) throws {
        guard call.path("userId").hasSameBytes(as: try call.user().user.string) else {
            throw MatrixError.forbidden("Cannot \(verb) account data for other users.")
        }
    }
}
