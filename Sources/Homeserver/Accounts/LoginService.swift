package import MatrixCore
import ModuleAPI
import Storage

/// Logging in.
///
/// Spec: [Login](https://spec.matrix.org/v1.19/client-server-api/#login).
package final class LoginService: Sendable {
    private let accounts: AccountService
    private let credentials: CredentialService
    private let loginTokens: LoginTokenService
    private let limits: RateLimiter
    private let modules: ModuleRegistry

    package init(
        accounts: AccountService, credentials: CredentialService, loginTokens: LoginTokenService, limits: RateLimiter,
        modules: ModuleRegistry
    ) {
        self.accounts = accounts
        self.credentials = credentials
        self.loginTokens = loginTokens
        self.limits = limits
        self.modules = modules
    }

    /// The ways to log in, as `GET /login` lists them.
    package var flows: [JSONObject] {
        (credentials.types(for: .login) + ["m.login.application_service"]).map { ["type": .string($0)] }
    }

    /// Logs in whoever the body of `POST /login` shows.
    /// - Parameter showsToken: Whether the request bears an access token, as those of application services do.
    /// - Returns: What the client is told.
    /// - Throws: 400 for a body that is incomplete or of a type that is not offered; 403 for somebody who does not prove who
    ///   they are, is deactivated, or is refused by a module; 429 after too many logins.
    package func logIn(
        _ body: JSONObject, from source: RequestSource, showsToken: Bool = false
    ) async throws -> JSONObject {
        guard let type = body["type"] else { throw MatrixError.unknown("Missing JSON keys.") }
        guard let type = type.stringValue else { throw MatrixError.invalidParam("Bad parameter: type") }
        try limits.check(.loginAddress, key: source.address)
        var attempt = Attempt(type: type, device: try DeviceRequest(body), source: source)
        switch type {
        case "m.login.application_service":
            // There are no application services yet, so no token is one's.
            throw showsToken
                ? MatrixError(status: 401, code: .unknownToken, message: "Invalid access token passed.")
                : MatrixError(status: 401, code: .missingToken, message: "Missing access token")
        case "m.login.token":
            guard let token = body["token"] else { throw MatrixError.unknown("Missing JSON keys.") }
            guard let token = token.stringValue else { throw MatrixError.invalidParam("Bad parameter: token") }
            let redeemed = try await loginTokens.redeem(token)
            attempt.provider = redeemed.token.provider
            return try await complete(attempt, by: redeemed.account)
        default:
            let proven = try await credentials.verify(body, for: .login)
            guard let account = try await accounts.account(like: proven.user) else {
                // That a module recognizes somebody who has no account is its mistake, not the password's.
                throw proven.module == nil ? MatrixError.wrongPassword : MatrixError.noSuchRow
            }
            attempt.module = proven.module
            return try await complete(attempt, by: account)
        }
    }

    private struct Attempt {
        let type: String
        let device: DeviceRequest
        let source: RequestSource
        var provider: String?
        var module: AuthenticatedUser?
    }

    /// Logs in a user who has proved who they are.
    private func complete(_ attempt: Attempt, by account: Account) async throws -> JSONObject {
        let device = attempt.device
        try device.validate()
        try limits.check(.loginAccount, key: asciiLowercased(account.user.string))
        if account.isDeactivated { throw MatrixError.userDeactivated }
        if modules.has(.checkLoginForSpam) {
            try await modules.checkLoginForSpam(
                LoginAttempt(
                    user: account.user, device: device.id, initialDisplayName: device.displayName,
                    origins: [attempt.source.origin], authProviderID: attempt.provider))
        }
        let response = try await accounts.openSession(account, device: device).object
        try await modules.onUserLogin(account.user, type: attempt.type, providerID: attempt.provider)
        return try await attempt.module?.complete(response) ?? response
    }
}

extension MatrixError {
    /// What Synapse answers where it looks for an account that is not there.
    fileprivate static let noSuchRow = MatrixError(status: 404, code: .unknown, message: "No row found (users)")
}

extension RequestSource {
    var origin: RequestOrigin { RequestOrigin(userAgent: userAgent, address: address) }
}
