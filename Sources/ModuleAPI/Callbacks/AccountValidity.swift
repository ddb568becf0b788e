public import MatrixCore

/// Callbacks that decide how long accounts are good for: Synapse's
/// [account validity callbacks](https://element-hq.github.io/synapse/latest/modules/account_validity_callbacks.html).
///
/// An error of any of them fails the request: a `MatrixError` reaches the client as it is, any other becomes 500.
public struct AccountValidity: Sendable {
    /// Whether an account has expired, `is_user_expired` (Synapse 1.39).
    ///
    /// Called for every request of a user of this server but those that log out; keep it quick. The first module that
    /// knows decides. Expired: 403 `ORG_MATRIX_EXPIRED_ACCOUNT` "User account has expired"; the token stays good.
    public typealias IsUserExpired = @Sendable (_ user: UserID) async throws -> ValidityAnswer

    /// Hears of a new account, `on_user_registration` (1.39), however it was made. All modules are told in order.
    ///
    /// The request fails if one throws, although the account exists.
    public typealias OnUserRegistration = @Sendable (_ user: UserID) async throws -> Void

    /// Hears of a login, `on_user_login` (1.98). All modules are told in order.
    ///
    /// Called when the device and its token exist. `authProviderType` is the kind of login, such as `m.login.password`;
    /// single sign-on calls it once as `m.login.sso` and once more for the login with the token it gave.
    /// The login fails if one throws.
    public typealias OnUserLogin =
        @Sendable (
            _ user: UserID, _ authProviderType: String?, _ authProviderID: String?
        ) async throws -> Void

    /// Sends a user the mail by which they renew their account, `on_legacy_send_mail`.
    ///
    /// Stands in for the server's own `POST /account_validity/send_mail`. Only one module may have it.
    public typealias OnLegacySendMail = @Sendable (_ user: UserID) async throws -> Void

    /// Renews the account that a token from such a mail stands for, `on_legacy_renew`.
    ///
    /// Stands in for the server's own `GET /account_validity/renew`. Only one module may have it.
    public typealias OnLegacyRenew = @Sendable (_ token: String) async throws -> AccountRenewal

    /// Changes how long an account is good, `on_legacy_admin_request`; answers with when it expires.
    ///
    /// Stands in for the server's own `POST /_synapse/admin/v1/account_validity/validity`. Only one module may have it.
    public typealias OnLegacyAdminRequest =
        @Sendable (_ request: AccountValidityRequest) async throws -> Timestamp

    public var isUserExpired: IsUserExpired?
    public var onUserRegistration: OnUserRegistration?
    public var onUserLogin: OnUserLogin?
    public var onLegacySendMail: OnLegacySendMail?
    public var onLegacyRenew: OnLegacyRenew?
    public var onLegacyAdminRequest: OnLegacyAdminRequest?

    public init(
        isUserExpired: IsUserExpired? = nil,
        onUserRegistration: OnUserRegistration? = nil,
        onUserLogin: OnUserLogin? = nil,
        onLegacySendMail: OnLegacySendMail? = nil,
        onLegacyRenew: OnLegacyRenew? = nil,
        onLegacyAdminRequest: OnLegacyAdminRequest? = nil
    ) {
        self.isUserExpired = isUserExpired
        self.onUserRegistration = onUserRegistration
        self.onUserLogin = onUserLogin
        self.onLegacySendMail = onLegacySendMail
        self.onLegacyRenew = onLegacyRenew
        self.onLegacyAdminRequest = onLegacyAdminRequest
    }
}

/// An answer of ``AccountValidity/IsUserExpired``.
public enum ValidityAnswer: Hashable, Sendable {
    case valid
    case expired
    /// This module does not know; the next one is asked. If none knows the account is good.
    case unknown
}

/// An answer of ``AccountValidity/OnLegacyRenew``.
public struct AccountRenewal: Hashable, Sendable {
    /// Whether the token renewed the account.
    public var isValid: Bool
    /// Whether it did so earlier, which is not an error.
    public var isStale: Bool
    public var expiresAt: Timestamp

    public init(isValid: Bool, isStale: Bool, expiresAt: Timestamp) {
        self.isValid = isValid
        self.isStale = isStale
        self.expiresAt = expiresAt
    }
}

/// What an administrator asks of ``AccountValidity/OnLegacyAdminRequest``.
public struct AccountValidityRequest: Hashable, Sendable {
    public var administrator: Requester
    /// The body: `user_id`, `expiration_ts`, `enable_renewal_emails`.
    public var body: JSONObject

    public init(administrator: Requester, body: JSONObject) {
        self.administrator = administrator
        self.body = body
    }
}
