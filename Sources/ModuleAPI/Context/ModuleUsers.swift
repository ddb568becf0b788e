public import MatrixCore

/// What modules may know of the users of this server, and do for them.
///
/// Part of ``ModuleContext``. Errors of the database pass through; those a module can do something about are named.
public protocol ModuleUsers: Sendable {
    // MARK: Looking up

    /// What the server knows of a user; `nil` if it is none of this server's. Synapse's `get_userinfo_by_id`.
    func info(of user: UserID) async throws -> UserInfo?

    /// Whom an access token stands for. Synapse's `get_user_by_req`.
    /// - Throws: `MatrixError` 401 for a token that is missing or unknown, or a locked account; 403 for a guest unless
    ///   `allowGuest`, and for an expired account unless `allowExpired`.
    func requester(
        forToken token: String?, allowGuest: Bool, allowExpired: Bool, address: String?, userAgent: String?
    ) async throws -> Requester

    /// The user meant by a full user ID, whose case may be off; `nil` if there is none, or more than one.
    /// Synapse's `check_user_exists`.
    func existing(_ user: UserID) async throws -> UserID?

    /// The profile of a user of this server; `nil` if there is none. Synapse's `get_profile_for_user`.
    func profile(of user: UserID) async throws -> UserProfile?

    /// The addresses of a user, such as email. Synapse's `get_threepids_for_user`.
    func threepids(of user: UserID) async throws -> [Threepid]

    /// Where a user was seen from at or after a time. Synapse's `get_user_ip_and_agents`.
    func sightings(of user: UserID, since: Timestamp) async throws -> [UserSighting]

    /// The user whom an identity provider knows under an ID of its own.
    func user(knownTo provider: String, as externalID: String) async throws -> UserID?

    /// The IDs that identity providers know a user by.
    func externalIDs(of user: UserID) async throws -> [ExternalID]

    // MARK: Registering

    /// Checks whether a localpart may be registered. Synapse's `check_username`.
    /// - Throws: `MatrixError` 400 with `M_INVALID_USERNAME`, `M_EXCLUSIVE` or `M_USER_IN_USE`.
    func checkUsername(_ localpart: String) async throws

    /// Registers a user, past whether registration is open; all callbacks for registrations run.
    /// Synapse's `register_user`.
    /// - Throws: `MatrixError` if the user cannot be registered.
    func register(_ user: NewUser) async throws -> UserID

    /// Makes a device with an access token; an existing device loses its earlier tokens. Synapse's `register_device`.
    /// - Parameters:
    ///   - device: `nil` lets the server choose an ID.
    func registerDevice(
        of user: UserID, device: DeviceID?, displayName: String?
    ) async throws -> DeviceLogin

    /// Remembers whom an identity provider's ID stands for. Synapse's `record_user_external_id`.
    /// - Throws: ``ModuleError/externalIDInUse`` if it stands for another user.
    func record(_ externalID: ExternalID, for user: UserID) async throws

    // MARK: Tokens

    /// A token for `m.login.token`, good once. Synapse's `create_login_token`.
    func createLoginToken(
        for user: UserID, lifetime: Duration, providerID: String?, providerSessionID: String?
    ) async throws -> String

    /// Ends an access token, and with it its device if it has one. Synapse's `invalidate_access_token`.
    /// - Throws: `MatrixError` 401 if the token is unknown.
    func invalidate(accessToken: String) async throws

    // MARK: Changing

    /// Makes a user an administrator of this server, or an ordinary user. Synapse's `set_user_admin`.
    /// - Throws: `MatrixError` 404 if there is no such user.
    func setAdmin(_ isAdmin: Bool, _ user: UserID) async throws

    /// Sets a display name as an administrator would; the empty string removes it. Synapse's `set_displayname`.
    ///
    /// The user's rooms hear of it, and so do modules (`on_profile_update`, by an administrator).
    /// - Throws: `MatrixError` 400 for another server's user or a name that is too long; 404 if there is no such user.
    func setDisplayName(_ name: String, of user: UserID) async throws

    /// Sets an avatar as an administrator would; the empty string removes it.
    func setAvatar(_ url: String, of user: UserID) async throws

    /// The rate limit that holds for one user in place of the configured one; `nil` if there is none.
    func rateLimit(of user: UserID) async throws -> UserRateLimit?

    /// Sets the rate limit of one user; `nil` brings the configured one back.
    func setRateLimit(_ limit: UserRateLimit?, of user: UserID) async throws

    /// Gives a user an address; whoever had it has it no longer. Modules are not told.
    /// - Throws: `MatrixError` 404 if there is no such user.
    func add(_ threepid: Threepid, to user: UserID) async throws

    /// Takes an address from a user, if they have it. Modules are not told.
    func remove(_ address: ThreepidAddress, from user: UserID) async throws

    /// Ends an account for good: devices, tokens, password and addresses go, the user leaves their rooms.
    /// - Parameters:
    ///   - erasing: Whether the profile goes, too.
    ///   - byAdmin: What modules are told (`check_can_deactivate_user`).
    /// - Throws: `MatrixError` 404 if there is no such user, 403 if a module forbids it.
    func deactivate(_ user: UserID, erasing: Bool, byAdmin: Bool) async throws

    /// Makes a token that lets its holder register.
    /// - Parameters:
    ///   - uses: How many registrations it allows; `nil` for any number.
    ///   - expiry: When it stops being valid; `nil` for never.
    /// - Returns: Whether there was none of this text.
    func createRegistrationToken(_ token: String, uses: Int64?, expiry: Timestamp?) async throws -> Bool
}

// What came after the first modules were written; a stand-in in their tests need not have it.
extension ModuleUsers {
    public func add(_ threepid: Threepid, to user: UserID) async throws {
        throw ModuleError.unavailable("Addresses cannot be added here")
    }

    public func remove(_ address: ThreepidAddress, from user: UserID) async throws {
        throw ModuleError.unavailable("Addresses cannot be removed here")
    }

    public func deactivate(_ user: UserID, erasing: Bool, byAdmin: Bool) async throws {
        throw ModuleError.unavailable("Accounts cannot be deactivated here")
    }

    public func createRegistrationToken(_ token: String, uses: Int64?, expiry: Timestamp?) async throws -> Bool {
        throw ModuleError.unavailable("Registration tokens cannot be made here")
    }
}

/// An account of this server. Synapse's `UserInfo`.
public struct UserInfo: Hashable, Sendable {
    public var user: UserID
    /// The application service that manages the user.
    public var applicationService: String?
    /// The kind of account, such as `bot` or `support`; `nil` for an ordinary one.
    public var userType: String?
    public var createdAt: Timestamp
    public var isAdmin: Bool
    public var isGuest: Bool
    public var isDeactivated: Bool
    public var isShadowBanned: Bool
    public var isLocked: Bool
    public var isSuspended: Bool

    public init(
        user: UserID, applicationService: String? = nil, userType: String? = nil, createdAt: Timestamp,
        isAdmin: Bool = false, isGuest: Bool = false, isDeactivated: Bool = false, isShadowBanned: Bool = false,
        isLocked: Bool = false, isSuspended: Bool = false
    ) {
        self.user = user
        self.applicationService = applicationService
        self.userType = userType
        self.createdAt = createdAt
        self.isAdmin = isAdmin
        self.isGuest = isGuest
        self.isDeactivated = isDeactivated
        self.isShadowBanned = isShadowBanned
        self.isLocked = isLocked
        self.isSuspended = isSuspended
    }
}

/// A name and a picture. Synapse's `ProfileInfo`.
public struct UserProfile: Hashable, Sendable {
    public var displayName: String?
    /// An `mxc:` URI.
    public var avatarURL: String?

    public init(displayName: String? = nil, avatarURL: String? = nil) {
        self.displayName = displayName
        self.avatarURL = avatarURL
    }
}

/// An address of a user outside Matrix.
public struct Threepid: Hashable, Sendable {
    /// `email` or `msisdn`.
    public var medium: String
    public var address: String
    public var validatedAt: Timestamp
    public var addedAt: Timestamp

    public init(medium: String, address: String, validatedAt: Timestamp, addedAt: Timestamp) {
        self.medium = medium
        self.address = address
        self.validatedAt = validatedAt
        self.addedAt = addedAt
    }
}

/// Where a user was seen. Synapse's `UserIpAndAgent`.
public struct UserSighting: Hashable, Sendable {
    public var address: String
    public var userAgent: String
    public var lastSeen: Timestamp

    public init(address: String, userAgent: String, lastSeen: Timestamp) {
        self.address = address
        self.userAgent = userAgent
        self.lastSeen = lastSeen
    }
}

/// What an identity provider knows a user by.
public struct ExternalID: Hashable, Sendable {
    public var provider: String
    public var id: String

    public init(provider: String, id: String) {
        self.provider = provider
        self.id = id
    }
}

/// A user to be registered.
public struct NewUser: Hashable, Sendable {
    public var localpart: String
    /// `nil` makes it the localpart.
    public var displayName: String?
    /// Addresses the user has shown to own.
    public var emails: [String]
    public var isAdmin: Bool

    public init(localpart: String, displayName: String? = nil, emails: [String] = [], isAdmin: Bool = false) {
        self.localpart = localpart
        self.displayName = displayName
        self.emails = emails
        self.isAdmin = isAdmin
    }
}

/// A device that was made, and its access token. Never log the token.
public struct DeviceLogin: Hashable, Sendable {
    public var device: DeviceID
    public var accessToken: String
    /// `nil` if the token is good for ever.
    public var validUntil: Timestamp?

    public init(device: DeviceID, accessToken: String, validUntil: Timestamp? = nil) {
        self.device = device
        self.accessToken = accessToken
        self.validUntil = validUntil
    }
}

/// How fast one user may send.
public struct UserRateLimit: Hashable, Sendable {
    /// 0 means no limit.
    public var messagesPerSecond: Int64
    public var burstCount: Int64

    public init(messagesPerSecond: Int64, burstCount: Int64) {
        self.messagesPerSecond = messagesPerSecond
        self.burstCount = burstCount
    }
}

/// What a module asked for and cannot have, where no `MatrixError` says it better.
public enum ModuleError: Error, Hashable, Sendable {
    /// Only users of this server can be asked about or acted for here.
    case notLocal(String)
    /// An identity provider's ID stands for another user already.
    case externalIDInUse
    /// A user who is shadow-banned would have invited somebody. Pretend that they did. Synapse's `ShadowBanError`.
    case shadowBanned
    /// This part of the server does not exist yet.
    case unavailable(String)
    /// A path for a web resource, or a value, is not as it must be.
    case invalid(String)
}
