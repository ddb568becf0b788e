package import Homeserver
import MatrixCore
package import WebServer

/// The user's addresses.
///
/// Spec: Client-Server API,
/// [Adding account administrative contact information](https://spec.matrix.org/v1.19/client-server-api/#adding-account-administrative-contact-information).
package struct AdministrativeContact: EndpointGroup {
    private let accounts: AccountService

    package init(accounts: AccountService) { self.accounts = accounts }

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/account/3pid", .user(guests: false), aliases: ["r0", "unstable"], getAccount3PIDs)
        ]
    }

    /// Lists the user's addresses.
    @Sendable func getAccount3PIDs(_ call: Call) async throws -> Reply {
        let threepids = try await accounts.threepids(of: call.user().accountNumber)
        return .json([
            "threepids": .array(
                threepids.map { threepid in
                    [
                        "medium": .string(threepid.medium),
                        "address": .string(threepid.address),
                        "validated_at": .integer(threepid.validatedAt.milliseconds),
                        "added_at": .integer(threepid.addedAt.milliseconds),
                    ]
                })
        ])
    }
}
