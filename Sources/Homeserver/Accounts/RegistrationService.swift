package import MatrixCore
package import SQLEngine
import Storage

/// What became of a request to register.
package enum RegistrationOutcome: Sendable {
    case registered(RegisteredAccount)
    /// The client must authenticate first: the body of a 401 answer.
    case authenticationRequired(JSONObject)
}

/// Registration by anyone who comes along.
///
/// Spec: [Account registration](https://spec.matrix.org/v1.19/client-server-api/#account-registration).
package final class RegistrationService: Sendable {
    private let database: any Database
    private let accounts: AccountService
    private let interactiveAuth: UserInteractiveAuth
    private let limits: RateLimiter
    private let modules: ModuleRegistry
    private let time: TimeSource
    private var settings: AccountSettings { accounts.settings }

    package init(
        database: any Database, accounts: AccountService, interactiveAuth: UserInteractiveAuth, limits: RateLimiter,
        modules: ModuleRegistry, time: TimeSource = .system
    ) {
        self.modules = modules
        self.database = database
        self.accounts = accounts
        self.interactiveAuth = interactiveAuth
        self.limits = limits
        self.time = time
    }

    /// Registers a guest, who has no password and may do little.
    /// - Throws: 403 `M_GUEST_ACCESS_FORBIDDEN` unless guests are allowed.
    package func registerGuest(deviceName: String?, source: RequestSource) async throws -> RegisteredAccount {
        guard settings.allowsGuests else {
            throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access is disabled")
        }
        try limits.check(.registration, key: source.address)
        var registration = NewRegistration(localpart: nil)
        registration.isGuest = true
        registration.sources = [source]
        registration.device = DeviceRequest(displayName: deviceName)
        return try await accounts.register(registration)
    }

    /// Takes a registration as far as its body goes.
    ///
    /// - Parameters:
    ///   - body: The request's body.
    ///   - uri: The request's path.
    ///   - source: Where it comes from; registrations from one address are limited.
    package func register(
        _ body: JSONObject, uri: String, source: RequestSource
    ) async throws -> RegistrationOutcome {
        try limits.peek(.registration, key: source.address)
        let request = try RegistrationBody(body)
        guard settings.isRegistrationEnabled else { throw MatrixError.registrationDisabled }
        if let password = request.password { try settings.passwordPolicy.validate(password) }

        let session = try await self.session(named: body)
        let registered = session?.data.string(SessionData.registeredUser).flatMap { UserID($0) }
        try await check(request.username, registered: registered)

        // The session must not hold a password, and keeps its hash instead: the second request may leave it out.
        var kept = body
        kept["password"] = nil
        var operation = InteractiveOperation(method: "POST", uri: uri, body: kept, requester: nil)
        operation.bodyMayChange = true
        operation.source = source
        switch try await interactiveAuth.check(operation, flows: flows) {
        case .required(let answer, let session):
            if let password = request.password, session.data[SessionData.passwordHash] == nil {
                let hash = try await accounts.hash(newPassword: password)
                try await interactiveAuth.remember(.string(hash), as: SessionData.passwordHash, in: session.id)
            }
            return .authenticationRequired(answer)
        case .authenticated(body: _, session: nil): throw MatrixError.internalError
        case .authenticated(body: _, let session?):
            return .registered(try await finish(request, session, registered: registered, source: source))
        }
    }

    /// Whether a user ID may be registered.
    /// - Throws: 403 if registration is disabled; 400 as ``AccountService/checkUsername(_:ignoringUse:)``.
    package func checkAvailability(of localpart: String) async throws {
        guard settings.isRegistrationEnabled else { throw MatrixError.registrationDisabled }
        try await accounts.checkUsername(localpart)
    }

    /// Whether a registration token may be used.
    package func isValid(token: String, address: String) async throws -> Bool {
        try limits.check(.registrationTokenValidity, key: address)
        guard settings.isRegistrationEnabled else { throw MatrixError.registrationDisabled }
        guard !token.utf8.contains(0) else { return false }
        let now = time.now()
        return try await database.read { try $0.registrationTokens.token(token)?.isValid(at: now) ?? false }
    }

    // MARK: Parts

    private var flows: [[String]] {
        settings.registrationRequiresToken
            ? [["m.login.registration_token", "m.login.dummy"]] : [["m.login.dummy"]]
    }

    private func session(named body: JSONObject) async throws -> InteractiveAuthSession? {
        guard let id = body.object("auth")?.string("session"), !id.utf8.contains(0) else { return nil }
        return try await database.read { try $0.interactiveAuth.session(id) }
    }

    private func check(_ username: String?, registered: UserID?) async throws {
        guard let username else { return }
        if let registered {
            guard registered.localpart.hasSameBytes(as: username) else {
                throw MatrixError.unknown("A different user ID has already been registered for this session")
            }
            return
        }
        try await accounts.checkUsername(username, ignoringUse: settings.hidesTakenUsernames)
    }

    private func finish(
        _ request: RegistrationBody, _ session: InteractiveAuthSession, registered: UserID?, source: RequestSource
    ) async throws -> RegisteredAccount {
        // What this request leaves out stood in the one that began the session.
        let full = try RegistrationBody(session.body)
        let device = full.inhibitsLogin ? nil : full.device
        if let registered, let account = try await accounts.account(of: registered) {
            return RegisteredAccount(
                user: registered, login: try await device.asyncMap { try await accounts.logIn(account, device: $0) })
        }
        var hash = session.data.string(SessionData.passwordHash)
        if hash == nil, let password = request.password { hash = try await accounts.hash(newPassword: password) }
        guard let hash else { throw MatrixError.missingParam("Missing params: password") }
        try limits.check(.registration, key: source.address)
        var registration = NewRegistration(localpart: full.username)
        registration.passwordHash = hash
        registration.device = device
        registration.session = session.id
        let first = session.data[SessionData.source].flatMap { RequestSource($0) }
        registration.sources = [first, source].compactMap { $0 }
        if first == source { registration.sources.removeLast() }
        try await letModulesName(&registration, session)
        return try await accounts.register(registration)
    }

    /// Lets modules choose localpart and display name, now that the client has authenticated.
    private func letModulesName(
        _ registration: inout NewRegistration, _ session: InteractiveAuthSession
    ) async throws {
        let (stages, parameters) = (session.completed, session.body)
        if let localpart = try await modules.getUsernameForRegistration(stages: stages, parameters: parameters) {
            registration.localpart = localpart
        }
        registration.displayName = try await modules.getDisplayNameForRegistration(
            stages: stages, parameters: parameters)
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

/// The members of a registration's body, checked.
private struct RegistrationBody {
    /// In small letters.
    var username: String?
    var password: String?
    var device: DeviceRequest
    var inhibitsLogin: Bool

    init(_ body: JSONObject) throws(MatrixError) {
        if let value = body["username"], !value.isNull {
            guard let username = value.stringValue, username.unicodeScalars.count <= 512 else {
                throw .unknown("Invalid username")
            }
            self.username = asciiLowercased(username)
        }
        if let value = body["password"], !value.isNull {
            guard let password = value.stringValue, password.unicodeScalars.count <= PasswordHasher.maximumLength
            else { throw .invalidPassword }
            self.password = password
        }
        device = try DeviceRequest(body)
        inhibitsLogin = body.bool("inhibit_login") ?? false
        try device.validate()
    }
}

extension RequestSource {
    /// As a session keeps it.
    var json: JSON { ["address": .string(address), "user_agent": userAgent.map { .string($0) } ?? .null] }

    init?(_ json: JSON) {
        guard let address = json["address"]?.stringValue else { return nil }
        self.init(address: address, userAgent: json["user_agent"]?.stringValue)
    }
}

extension DeviceRequest {
    /// Reads `device_id` and `initial_device_display_name`.
    /// - Throws: 400 `M_INVALID_PARAM` if one is not a string.
    package init(_ body: JSONObject) throws(MatrixError) {
        self.init()
        if let value = body["device_id"], !value.isNull {
            guard let id = value.stringValue else { throw .invalidParam("'device_id' must be a string") }
            self.id = DeviceID(id)
        }
        if let value = body["initial_device_display_name"], !value.isNull {
            guard let name = value.stringValue else {
                throw .invalidParam("'initial_device_display_name' must be a string")
            }
            displayName = name
        }
    }
}

extension MatrixError {
    fileprivate static let registrationDisabled = MatrixError.forbidden("Registration has been disabled")
}
