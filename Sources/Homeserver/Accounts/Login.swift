package import MatrixCore
import SQLEngine
import Storage

/// Who someone says they are.
///
/// Spec: [Identifier types](https://spec.matrix.org/v1.19/client-server-api/#identifier-types).
package enum UserIdentifier: Sendable, CustomStringConvertible {
    /// A user ID or a localpart (`m.id.user`).
    case user(String)
    /// An address of a medium, such as `email` (`m.id.thirdparty`).
    case thirdParty(medium: String, address: String)

    package var description: String {
        switch self {
        case .user(let name): name
        case .thirdParty(let medium, let address): "\(medium):\(address)"
        }
    }

    /// The user ID meant, if it can be one of `server`'s.
    func userID(on server: ServerName) -> UserID? {
        guard case .user(let name) = self else { return nil }
        guard name.utf8.first == UInt8(ascii: "@") else { return UserID(localpart: name, server: server) }
        guard let user = UserID(name), user.server == server else { return nil }
        return user
    }

    /// Reads the identifier in the body of `/login`, or in a stage of user-interactive authentication.
    ///
    /// - Returns: `nil` if there is none, not even in one of its historical forms.
    /// - Throws: 400 for one that is incomplete or of a type that is not known.
    package static func read(from body: JSONObject) throws(MatrixError) -> UserIdentifier? {
        guard let identifier = body["identifier"], !identifier.isNull else {
            if let user = body.string("user") { return .user(user) }
            if let medium = body.string("medium"), let address = body.string("address") {
                return .thirdParty(medium: medium, address: address)
            }
            return nil
        }
        guard let type = identifier["type"]?.stringValue else {
            throw .missingParam("'identifier' dict has no key 'type'")
        }
        switch type {
        case "m.id.user":
            guard let user = identifier["user"] else { throw .unknown("User identifier is missing 'user' key") }
            guard let name = user.stringValue else { throw .invalidParam("User identifier must be a string") }
            return .user(name)
        case "m.id.thirdparty":
            guard let medium = identifier["medium"]?.stringValue, let address = identifier["address"]?.stringValue
            else { throw .unknown("Invalid thirdparty identifier") }
            return .thirdParty(medium: medium, address: address)
        case "m.id.phone":
            guard identifier["country"]?.stringValue != nil,
                let number = identifier["phone"]?.stringValue ?? identifier["number"]?.stringValue
            else { throw .invalidParam("Invalid phone-type identifier") }
            return .thirdParty(medium: "msisdn", address: number)
        default: throw .unknown("Unknown login identifier type")
        }
    }
}

/// The device a client wants to log in with.
package struct DeviceRequest: Sendable {
    /// `nil` lets the server choose.
    package var id: DeviceID?
    /// The name the device gets if it is new.
    package var displayName: String?

    package init(id: DeviceID? = nil, displayName: String? = nil) {
        self.id = id
        self.displayName = displayName
    }

    /// - Throws: 400 `M_INVALID_PARAM` or `M_TOO_LARGE`.
    func validate() throws(MatrixError) {
        if let id {
            if id.string.unicodeScalars.count > 512 {
                throw .invalidParam("device_id cannot be longer than 512 characters.")
            }
            if id.string.utf8.contains(0) { throw .invalidParam("device_id contains a null character") }
        }
        try Self.validate(displayName: displayName)
    }

    static func validate(displayName: String?) throws(MatrixError) {
        guard let displayName else { return }
        if displayName.unicodeScalars.count > 100 {
            throw MatrixError(status: 400, code: .tooLarge, message: "Device display name is too long (max 100)")
        }
        if displayName.utf8.contains(0) { throw .invalidParam("Device display name contains a null character") }
    }
}

/// An account to be made.
package struct NewRegistration: Sendable {
    /// `nil` lets the server choose one.
    package var localpart: String?
    package var passwordHash: String?
    /// The name in the profile; `nil` for the localpart, or for none in a guest's.
    package var displayName: String?
    package var isGuest = false
    package var isAdmin = false
    package var userType: String?
    /// The device to log in with; `nil` for no login.
    package var device: DeviceRequest?
    /// The user-interactive session that this finishes.
    package var session: String?
    /// Addresses the user has shown to own, in canonical form.
    package var emails: [String] = []
    /// Where the requests for it came from; none if nobody from outside asks.
    package var sources: [RequestSource] = []
    /// The identity provider the user comes from.
    package var authProvider: String?

    package init(localpart: String?) { self.localpart = localpart }
}

/// An account that was made.
package struct RegisteredAccount: Sendable {
    package let user: UserID
    /// `nil` if none was asked for.
    package let login: Login?

    /// What the client is told.
    package var object: JSONObject {
        login?.object ?? ["user_id": .string(user.string), "home_server": .string(user.server.string)]
    }
}

/// What a client gets for logging in.
package struct Login: Sendable {
    package let user: UserID
    package let device: DeviceID
    package let accessToken: String
    /// How long the token is valid; `nil` for ever.
    package let lifetime: Duration?
    /// When it stops being valid; `nil` for never.
    package let validUntil: Timestamp?

    /// What the client is told.
    package var object: JSONObject {
        var object: JSONObject = [
            "user_id": .string(user.string),
            "access_token": .string(accessToken),
            "home_server": .string(user.server.string),
            "device_id": .string(device.string),
        ]
        if let lifetime { object["expires_in_ms"] = .integer(lifetime.milliseconds) }
        return object
    }
}

/// A login decided on outside the transaction that carries it out.
struct LoginPlan: Sendable {
    let device: DeviceID
    private let displayName: String?
    private let token: NewToken
    private let lifetime: Duration?
    private let now: Timestamp

    init?(
        _ request: DeviceRequest?, settings: AccountSettings, tokens: AccessTokenService, random: RandomSource,
        at now: Timestamp
    ) {
        guard let request else { return nil }
        device = request.id ?? DeviceID(random.capitals(10))
        displayName = request.displayName
        token = tokens.newToken()
        lifetime = settings.accessTokenLifetime
        self.now = now
    }

    private var validUntil: Timestamp? { lifetime.map { now.advanced(by: $0) } }

    /// Stores device and token.
    /// - Returns: The earlier tokens of the device, which ended; `nil` if the device is new.
    func carryOut(for account: Int64, _ transaction: Transaction) throws -> [EndedToken]? {
        var ended: [EndedToken]?
        if try !transaction.devices.insert(device, displayName: displayName, of: account) {
            if try transaction.devices.isHidden(device, of: account) {
                throw MatrixError.forbidden("The device ID is already in use by a cross-signing key.")
            }
            ended = try transaction.accessTokens.delete(devices: [device], of: account)
        }
        _ = try transaction.accessTokens.insert(
            hash: token.hash, account: account, device: device, validUntil: validUntil, seed: token.seed, at: now)
        return ended
    }

    func login(of account: Account) -> Login {
        Login(user: account.user, device: device, accessToken: token.text, lifetime: lifetime, validUntil: validUntil)
    }
}

extension MatrixError {
    /// 400 `M_UNKNOWN`, which Synapse answers where the specification has no code.
    static func unknown(_ message: String) -> MatrixError {
        MatrixError(status: 400, code: .unknown, message: message)
    }
}
