package import Homeserver
import MatrixCore
package import WebServer

/// How long accounts are good, where a module decides that.
///
/// See <https://element-hq.github.io/synapse/latest/admin_api/account_validity.html>.
package struct AccountValidity: EndpointGroup {
    private let renewal: AccountRenewalService

    package init(renewal: AccountRenewalService) { self.renewal = renewal }

    package var endpoints: [Endpoint] {
        [.post("/_synapse/admin/v1/account_validity/validity", .admin, setAccountValidity)]
    }

    /// Changes when an account expires.
    @Sendable func setAccountValidity(_ call: Call) async throws -> Reply {
        let expiry = try await renewal.setValidity(call.object(), by: call.user())
        return .json(["expiration_ts": .integer(expiry.milliseconds)])
    }
}
