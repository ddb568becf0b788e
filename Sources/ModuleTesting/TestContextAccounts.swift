public import MatrixCore
public import ModuleAPI
import Synchronization

/// Account validity.
extension TestContext {
    public func isUserExpired(_ user: UserID) async throws -> ValidityAnswer {
        try await ask(validity("is_user_expired", \.isUserExpired), passing: .unknown) { try await $0(user) }
    }

    public func onUserRegistration(_ user: UserID) async throws {
        for callback in try validity("on_user_registration", \.onUserRegistration) { try await callback(user) }
    }

    public func onUserLogin(
        _ user: UserID, authProviderType: String? = "m.login.password", authProviderID: String? = nil
    ) async throws {
        for callback in try validity("on_user_login", \.onUserLogin) {
            try await callback(user, authProviderType, authProviderID)
        }
    }

    public func onLegacySendMail(_ user: UserID) async throws {
        for callback in try validity("on_legacy_send_mail", \.onLegacySendMail) { try await callback(user) }
    }

    public func onLegacyRenew(_ token: String) async throws -> AccountRenewal {
        try await validity("on_legacy_renew", \.onLegacyRenew)[0](token)
    }

    public func onLegacyAdminRequest(
        _ body: JSONObject, by administrator: Requester = .test(isAdmin: true)
    ) async throws -> Timestamp {
        try await validity("on_legacy_admin_request", \.onLegacyAdminRequest)[0](
            AccountValidityRequest(administrator: administrator, body: body))
    }

    private func validity<Callback: Sendable>(
        _ name: String, _ callback: (AccountValidity) -> Callback?
    ) throws -> [Callback] {
        try callbacks(name, \.accountValidities, callback)
    }
}

/// Logging in and registering.
extension TestContext {
    /// The kinds of login that were registered.
    public var authCheckers: [AuthChecker] {
        registered.withLock { $0.passwordAuthProviders.flatMap(\.authCheckers) }
    }

    /// Logs somebody in with a kind of login, `m.login.password` unless another is named.
    /// - Returns: The first user that was recognized, and the answer to the login as the module left it; `nil` if nobody
    ///   was.
    public func logIn(
        _ username: String, type: String = "m.login.password", _ fields: JSONObject
    ) async throws -> (user: UserID, response: JSONObject)? {
        let checkers = authCheckers.filter { $0.loginType.hasSameBytes(as: type) }
        guard !checkers.isEmpty else { throw TestError.notRegistered("auth_checkers: \(type)") }
        for checker in checkers {
            if let login = try await complete(try await checker.check(username, type, fields)) { return login }
        }
        return nil
    }

    /// The same with a third-party identifier and a password.
    public func logIn(
        _ threepid: ThreepidAddress, password: String
    ) async throws -> (user: UserID, response: JSONObject)? {
        for callback in try provider("check_3pid_auth", \.checkThreepidAuth) {
            if let login = try await complete(try await callback(threepid, password)) { return login }
        }
        return nil
    }

    private func complete(_ answer: AuthAnswer) async throws -> (user: UserID, response: JSONObject)? {
        guard case .user(let user, let onLogin) = answer else { return nil }
        var response: JSONObject = [
            "user_id": .string(user.string), "access_token": "token", "home_server": .string(serverName.string),
            "device_id": "DEVICE",
        ]
        try await onLogin?(&response)
        return (user, response)
    }

    public func onLoggedOut(_ user: UserID, device: DeviceID? = "DEVICE", accessToken: String = "token") async throws {
        for callback in try provider("on_logged_out", \.onLoggedOut) {
            try await callback(user, device, accessToken)
        }
    }

    public func isThreepidAllowed(
        _ threepid: ThreepidAddress, isRegistration: Bool = true
    ) async throws -> RuleAnswer {
        try await ask(provider("is_3pid_allowed", \.isThreepidAllowed), passing: .allow) {
            try await $0(threepid, isRegistration)
        }
    }

    public func getUsernameForRegistration(
        stages: JSONObject = [:], parameters: JSONObject = [:]
    ) async throws -> String? {
        try await ask(
            provider("get_username_for_registration", \.getUsernameForRegistration), passing: String?.none
        ) { try await $0(stages, parameters) }
    }

    public func getDisplayNameForRegistration(
        stages: JSONObject = [:], parameters: JSONObject = [:]
    ) async throws -> String? {
        try await ask(
            provider("get_displayname_for_registration", \.getDisplayNameForRegistration), passing: String?.none
        ) { try await $0(stages, parameters) }
    }

    private func provider<Callback: Sendable>(
        _ name: String, _ callback: (PasswordAuthProvider) -> Callback?
    ) throws -> [Callback] {
        try callbacks(name, \.passwordAuthProviders, callback)
    }
}
