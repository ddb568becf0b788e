package import MatrixCore

/// What the configuration says about accounts.
package struct AccountSettings: Sendable {
    package var serverName: ServerName
    /// Whether anyone may register (`enable_registration`).
    package var isRegistrationEnabled = false
    package var registrationRequiresToken = false
    /// Whether guests may register (`allow_guest_access`).
    package var allowsGuests = false
    package var allowsUnderscorePrefix = false
    /// Whether a taken user ID is only reported once the client has authenticated (`inhibit_user_in_use_error`).
    package var hidesTakenUsernames = false
    /// What passwords are good for (`password_config.enabled`).
    package var passwordUse = PasswordUse.everything
    /// Whether passwords are checked against the hashes kept here (`password_config.localdb_enabled`).
    package var checksOwnPasswords = true
    package var passwordPolicy = PasswordPolicy()
    /// The secret of `/_synapse/admin/v1/register`; `nil` switches it off.
    package var registrationSharedSecret: String?
    /// How long an access token is valid; `nil` for ever.
    package var accessTokenLifetime: Duration?
    /// How long after proving who they are a user need not do it again (`ui_auth.session_timeout`).
    package var interactiveAuthGrace: Duration = .zero
    /// How long a user-interactive authentication may take.
    package var interactiveAuthLifetime: Duration = .seconds(48 * 3600)
    /// Kinds of user beyond those built in (`user_types.extra_user_types`).
    package var extraUserTypes: [String] = []
    /// The kind of a user for whom nothing else is said (`user_types.default_user_type`).
    package var defaultUserType: String?
    /// Whether a user ID is in a namespace that belongs to an application service alone.
    package var isReserved: @Sendable (UserID) -> Bool = { _ in false }

    package init(serverName: ServerName) { self.serverName = serverName }

    /// The kinds of user there are, besides the ordinary one.
    package var userTypes: [String] { ["support", "bot"] + extraUserTypes }

    /// Whether users can choose another password.
    package var allowsPasswordChanges: Bool { checksOwnPasswords && passwordUse.allows(.confirmation) }
}

/// What passwords are good for (`password_config.enabled`), those that modules check included.
package enum PasswordUse: Sendable {
    case everything
    /// Not for logging in, only for confirming an action.
    case confirmationOnly
    case nothing

    func allows(_ purpose: ProofPurpose) -> Bool {
        switch self {
        case .everything: true
        case .confirmationOnly: purpose == .confirmation
        case .nothing: false
        }
    }
}

/// What somebody proves for who they are.
package enum ProofPurpose: Sendable {
    case login
    /// To do something for which being logged in is not enough.
    case confirmation
}

/// Where a request came from.
package struct RequestSource: Hashable, Sendable {
    package var address: String
    package var userAgent: String?

    package init(address: String, userAgent: String? = nil) {
        self.address = address
        self.userAgent = userAgent
    }
}

/// What a password must have (`password_config.policy`).
package struct PasswordPolicy: Sendable {
    package var isEnabled = false
    package var minimumLength = 0
    package var requiresDigit = false
    package var requiresSymbol = false
    package var requiresLowercase = false
    package var requiresUppercase = false

    package init() {}

    /// Checks a new password.
    /// - Throws: 400 with the code of the first rule it breaks.
    package func validate(_ password: String) throws(MatrixError) {
        guard isEnabled else { return }
        let scalars = password.unicodeScalars
        if scalars.count < minimumLength {
            throw Self.weak("TOO_SHORT", "The password must be at least \(minimumLength) characters long")
        }
        if requiresDigit, !scalars.contains(where: { $0.properties.generalCategory == .decimalNumber }) {
            throw Self.weak("NO_DIGIT", "The password must include at least one digit")
        }
        if requiresSymbol, scalars.allSatisfy(Self.isAlphanumeric) {
            throw Self.weak("NO_SYMBOL", "The password must include at least one symbol")
        }
        if requiresUppercase, !scalars.contains(where: \.properties.isUppercase) {
            throw Self.weak("NO_UPPERCASE", "The password must include at least one uppercase letter")
        }
        if requiresLowercase, !scalars.contains(where: \.properties.isLowercase) {
            throw Self.weak("NO_LOWERCASE", "The password must include at least one lowercase letter")
        }
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func weak(_ rule: String, _ message: String) -> MatrixError {
        MatrixError(status: 400, code: ErrorCode("M_PASSWORD_\(rule)"), message: message)
    }
}
