import MatrixCore
import ModuleAPI
import Storage

/// Judges who somebody is by what they show: asks modules, then looks at the passwords kept here.
///
/// Used for logging in and for stages of user-interactive authentication.
package final class CredentialService: Sendable {
    static let passwordType = "m.login.password"

    private let accounts: AccountService
    private let modules: ModuleRegistry
    private let limits: RateLimiter
    private var settings: AccountSettings { accounts.settings }

    package init(accounts: AccountService, modules: ModuleRegistry, limits: RateLimiter) {
        self.accounts = accounts
        self.modules = modules
        self.limits = limits
    }

    /// The login types that are good for a purpose: passwords first, then those of modules in their order.
    package func types(for purpose: ProofPurpose) -> [String] {
        let offered = modules.loginTypes.map(\.loginType)
        let password =
            settings.passwordUse.allows(purpose)
            && (settings.checksOwnPasswords || offered.contains(Self.passwordType))
        return (password ? [Self.passwordType] : []) + offered.filter { $0 != Self.passwordType }
    }

    /// Finds out who shows `submission`: a type, an identifier, and the fields that the type asks for.
    ///
    /// - Throws: 403 `M_FORBIDDEN` "Invalid username or password", whatever of the two is wrong; 403 `M_USER_DEACTIVATED`;
    ///   400 for a type that is not offered or a submission that is incomplete; 429 after too many failures for one user.
    func verify(_ submission: JSONObject, for purpose: ProofPurpose) async throws -> ProvenUser {
        let type = submission.string("type") ?? ""
        try checkOffered(type, for: purpose)
        if type == Self.passwordType, submission.string("password") == nil {
            throw MatrixError.invalidParam("Bad parameter: password")
        }
        guard let identifier = try UserIdentifier.read(from: submission) else {
            throw MatrixError.invalidParam("Invalid login submission")
        }
        return try await verify(identifier, type: type, submission)
    }

    /// - Throws: 400 for a type that is not offered for this purpose.
    func checkOffered(_ type: String, for purpose: ProofPurpose) throws(MatrixError) {
        if type == Self.passwordType, !settings.passwordUse.allows(purpose) {
            throw .unknown("Password login has been disabled.")
        }
        guard types(for: purpose).contains(type) else { throw .unknown("Unknown login type \(type)") }
    }

    // MARK: Parts

    private func verify(
        _ identifier: UserIdentifier, type: String, _ submission: JSONObject
    ) async throws -> ProvenUser {
        let user = identifier.userID(on: settings.serverName)
        let key = asciiLowercased(user?.string ?? identifier.description)
        try limits.peek(.loginFailedAttempts, key: key)
        do {
            let proven =
                switch identifier {
                case .user(let name): try await verify(name, user, type: type, submission)
                case .thirdParty(let medium, let address):
                    try await verify(
                        ThreepidAddress(canonical: address, medium: medium), type: type, submission)
                }
            guard let proven else { throw MatrixError.wrongPassword }
            return proven
        } catch let error as MatrixError where error.status == 403 {
            try limits.check(.loginFailedAttempts, key: key)
            throw error
        }
    }

    /// Asks about a user who gave a name, as they typed it.
    private func verify(
        _ name: String, _ user: UserID?, type: String, _ submission: JSONObject
    ) async throws -> ProvenUser? {
        if let found = try await modules.checkAuth(username: name, loginType: type, submission: submission) {
            return ProvenUser(user: found.user, module: found)
        }
        guard type == Self.passwordType, settings.checksOwnPasswords, let password = submission.string("password")
        else { return nil }
        return try await accounts.account(of: user, withPassword: password).map { ProvenUser(user: $0.user) }
    }

    /// Asks about a user who gave an address.
    private func verify(
        _ threepid: ThreepidAddress, type: String, _ submission: JSONObject
    ) async throws -> ProvenUser? {
        if type == Self.passwordType, let password = submission.string("password"),
            let found = try await modules.checkThreepidAuth(threepid, password: password)
        {
            return ProvenUser(user: found.user, module: found)
        }
        guard let account = try await accounts.account(of: threepid) else { return nil }
        return try await verify(account.user.string, account.user, type: type, submission)
    }
}

/// Somebody who has shown who they are.
struct ProvenUser: Sendable {
    var user: UserID
    /// What the module that recognized them wants of the login; `nil` if none did.
    var module: AuthenticatedUser?
}

extension ThreepidAddress {
    /// An address as it is kept: an email address in small letters.
    init(canonical address: String, medium: String) {
        self.init(medium: medium, address: medium == "email" ? address.lowercased() : address)
    }
}
