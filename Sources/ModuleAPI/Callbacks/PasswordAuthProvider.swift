public import MatrixCore

/// Callbacks that let users in: Synapse's [password auth provider
/// callbacks](https://element-hq.github.io/synapse/latest/modules/password_auth_provider_callbacks.html).
///
/// Never log passwords and tokens.
public struct PasswordAuthProvider: Sendable {
    /// Tells whose login this is, a checker of `auth_checkers` (Synapse 1.46).
    ///
    /// Called for logins, and for stages of interactive authentication, of the checker's type. `username` is what the
    /// person typed, and may lack `@` and the server. `fields` holds exactly the fields the checker asked for.
    /// The first module that recognizes the user decides, then, for `m.login.password`, the server's own passwords.
    /// An error counts as not recognizing anybody; it only reaches the log.
    public typealias CheckAuth =
        @Sendable (
            _ username: String, _ loginType: String, _ fields: JSONObject
        ) async throws -> AuthAnswer

    /// Tells whose login with a third-party identifier and a password this is, `check_3pid_auth` (1.46).
    ///
    /// Called before the server looks up whose identifier it is. The first module that recognizes the user decides; an
    /// error counts as not recognizing anybody, and only reaches the log.
    public typealias CheckThreepidAuth =
        @Sendable (_ threepid: ThreepidAddress, _ password: String) async throws -> AuthAnswer

    /// Hears of the end of an access token, `on_logged_out` (1.46).
    ///
    /// Called once for each token, before the user's pushers of that device go. All modules are told; an error only
    /// reaches the log.
    public typealias OnLoggedOut =
        @Sendable (_ user: UserID, _ device: DeviceID?, _ accessToken: String) async throws -> Void

    /// Whether somebody may use a third-party identifier, `is_3pid_allowed` (1.53).
    ///
    /// Called when a code is to be sent to it, for a registration (`isRegistration`) or an existing account, and again at
    /// the end of a registration. The first module that denies decides. Denied: 403 `M_THREEPID_DENIED`. An error, of any
    /// kind, becomes 500.
    public typealias IsThreepidAllowed =
        @Sendable (_ threepid: ThreepidAddress, _ isRegistration: Bool) async throws -> RuleAnswer

    /// Chooses the localpart or the display name of a user who registers: `get_username_for_registration` (1.52),
    /// `get_displayname_for_registration` (1.54).
    ///
    /// Called once interactive authentication is complete. `stages` holds what its stages came to, by name; `parameters`
    /// is the body of the request. The first module that chooses decides. A localpart is made lower case and must then be
    /// valid. An error, of any kind, becomes 500.
    public typealias GetNameForRegistration =
        @Sendable (_ stages: JSONObject, _ parameters: JSONObject) async throws -> String?

    /// The kinds of login this module offers. Those of one type must ask for the same fields in all modules.
    public var authCheckers: [AuthChecker]
    public var checkThreepidAuth: CheckThreepidAuth?
    public var onLoggedOut: OnLoggedOut?
    public var isThreepidAllowed: IsThreepidAllowed?
    public var getUsernameForRegistration: GetNameForRegistration?
    public var getDisplayNameForRegistration: GetNameForRegistration?

    public init(
        authCheckers: [AuthChecker] = [],
        checkThreepidAuth: CheckThreepidAuth? = nil,
        onLoggedOut: OnLoggedOut? = nil,
        isThreepidAllowed: IsThreepidAllowed? = nil,
        getUsernameForRegistration: GetNameForRegistration? = nil,
        getDisplayNameForRegistration: GetNameForRegistration? = nil
    ) {
        self.authCheckers = authCheckers
        self.checkThreepidAuth = checkThreepidAuth
        self.onLoggedOut = onLoggedOut
        self.isThreepidAllowed = isThreepidAllowed
        self.getUsernameForRegistration = getUsernameForRegistration
        self.getDisplayNameForRegistration = getDisplayNameForRegistration
    }
}

/// A kind of login and what decides about it.
public struct AuthChecker: Sendable {
    /// The type clients send, such as `m.login.password`.
    public var loginType: String
    /// The fields clients send with it, such as `password`. A login that lacks one is refused before any module is asked.
    public var fields: [String]
    public var check: PasswordAuthProvider.CheckAuth

    public init(loginType: String, fields: [String], check: @escaping PasswordAuthProvider.CheckAuth) {
        self.loginType = loginType
        self.fields = fields
        self.check = check
    }
}

/// An answer of ``PasswordAuthProvider/CheckAuth``.
public enum AuthAnswer: Sendable {
    /// This module does not know them, or they did not prove it; the next one is asked.
    case unknown
    /// It is this user, who must be one of this server by now (`ModuleContext.users` can register them).
    ///
    /// `onLogin` is called with the answer to the login before it is sent.
    case user(UserID, onLogin: LoginCallback? = nil)

    /// Hears of the login, and may change `response`: `user_id`, `access_token`, `home_server`, `device_id` and more.
    ///
    /// An error fails the login, although the device exists.
    public typealias LoginCallback = @Sendable (_ response: inout JSONObject) async throws -> Void
}
