import Logging
package import MatrixCore
package import ModuleAPI

/// A kind of login that modules offer.
package struct ModuleLoginType: Hashable, Sendable {
    package let loginType: String
    /// The fields a client must send with it.
    package let fields: [String]
}

/// Whom a module recognized.
package struct AuthenticatedUser: Sendable {
    package let user: UserID
    private let runner: CallbackRunner
    private let callback: (target: CallbackRunner.Target, body: AuthAnswer.LoginCallback)?

    fileprivate init(
        user: UserID, runner: CallbackRunner,
        callback: (target: CallbackRunner.Target, body: AuthAnswer.LoginCallback)?
    ) {
        self.user = user
        self.runner = runner
        self.callback = callback
    }

    /// The answer to the login as the module wants it.
    /// - Parameter response: The answer as it would be sent.
    /// - Throws: `MatrixError` if the module fails.
    package func complete(_ response: JSONObject) async throws -> JSONObject {
        guard let callback else { return response }
        return try await runner.call(callback.target) {
            var edited = response
            try await callback.body(&edited)
            return edited
        }
    }
}

/// What a third-party identifier is to be used for, and how a module's denial reads there.
package enum ThreepidUse: Hashable, Sendable {
    /// A code is to be sent to it, for a registration or an existing account.
    case requestToken(isRegistration: Bool)
    /// A registration with it is about to be complete.
    case registration

    var isRegistration: Bool { self != .requestToken(isRegistration: false) }

    /// What the client gets if it may not be used, whoever decided so.
    package func denial(medium: String) -> MatrixError {
        let message =
            switch (self, medium) {
            case (.registration, _): "Third party identifiers (email/phone numbers) are not authorized on this server"
            case (.requestToken(true), "msisdn"): "Phone numbers are not authorized to register on this server"
            case (.requestToken(false), "msisdn"): "Account phone numbers are not authorized on this server"
            case (.requestToken(true), _): "Your email domain is not authorized to register on this server"
            case (.requestToken(false), _): "Your email domain is not authorized on this server"
            }
        return MatrixError(status: 403, code: .threepidDenied, message: message)
    }
}

/// The questions put to password auth providers, and what they are told.
extension ModuleRegistry {
    // MARK: Logging in

    /// The kinds of login that modules offer, `m.login.password` first.
    package var loginTypes: [ModuleLoginType] {
        var types: [ModuleLoginType] = []
        for entry in entries(.authChecker, \.authCheckers)
        where !types.contains(where: { $0.loginType.hasSameBytes(as: entry.callback.loginType) }) {
            let type = ModuleLoginType(loginType: entry.callback.loginType, fields: entry.callback.fields)
            types.insert(type, at: type.loginType == "m.login.password" ? 0 : types.count)
        }
        return types
    }

    /// Whose login this is, by the first module that knows; `nil` if none does, or none is asked about this type.
    /// - Parameters:
    ///   - username: What the person typed.
    ///   - submission: What the client sent. Modules get the fields they ask for.
    /// - Throws: `MatrixError` 400 if a field is missing; `CancellationError`.
    package func checkAuth(
        username: String, loginType: String, submission: JSONObject
    ) async throws -> AuthenticatedUser? {
        for entry in entries(.authChecker, \.authCheckers) where entry.callback.loginType.hasSameBytes(as: loginType) {
            let missing = entry.callback.fields.filter { !submission.contains($0) }
            guard missing.isEmpty else {
                let list = missing.map { "'\($0)'" }.joined(separator: ", ")
                throw MatrixError(
                    status: 400, code: .unknown, message: "Missing parameters for login type \(loginType): [\(list)]")
            }
            var fields: JSONObject = [:]
            for field in entry.callback.fields { fields[field] = submission[field] }
            let user = try await authenticate(entry) { [fields] in try await $0.check(username, loginType, fields) }
            if let user { return user }
        }
        return nil
    }

    /// Whose login with a third-party identifier this is, by the first module that knows; `nil` if none does.
    /// - Throws: `CancellationError`.
    package func checkThreepidAuth(_ threepid: ThreepidAddress, password: String) async throws -> AuthenticatedUser? {
        for entry in entries(.checkThreepidAuth, \.checkThreepidAuth) {
            if let user = try await authenticate(entry, { try await $0(threepid, password) }) { return user }
        }
        return nil
    }

    private func authenticate<Callback>(
        _ entry: Entry<Callback>, _ body: @escaping @Sendable (Callback) async throws -> AuthAnswer
    ) async throws -> AuthenticatedUser? {
        let answer = try await runner.attempt(
            entry.target, logging: .warning, isDenial: { if case .unknown = $0 { true } else { false } }
        ) { try await body(entry.callback) }
        guard case .user(let user, let onLogin) = answer else { return nil }
        let callback = onLogin.map { body in (target: loginTarget(entry.module), body: body) }
        return AuthenticatedUser(user: user, runner: runner, callback: callback)
    }

    private func loginTarget(_ module: String) -> CallbackRunner.Target {
        var meter: CallbackMeter?
        register(module) { meter = $0.meter(of: .loginCallback) }
        return CallbackRunner.Target(module: module, callback: .loginCallback, meter: meter ?? CallbackMeter())
    }

    /// Tells every module that an access token ended, before the pushers of its device go.
    package func onLoggedOut(user: UserID, device: DeviceID?, accessToken: String) async {
        for entry in entries(.onLoggedOut, \.onLoggedOut) {
            await runner.notify(entry.target, logging: .warning) {
                try await entry.callback(user, device, accessToken)
            }
        }
    }

    // MARK: Registering

    /// Asks whether a third-party identifier may be used.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func isThreepidAllowed(_ threepid: ThreepidAddress, for use: ThreepidUse) async throws {
        for entry in entries(.isThreepidAllowed, \.isThreepidAllowed) {
            _ = try await runner.call(
                entry.target, failure: .registrationFailed, hidesMatrixErrors: true,
                denial: { $0 == .deny ? use.denial(medium: threepid.medium) : nil }
            ) { try await entry.callback(threepid, use.isRegistration) }
        }
    }

    /// The localpart that the first module with an opinion wants for a user who registers, in lower case.
    /// - Throws: `MatrixError` if a module fails.
    package func getUsernameForRegistration(stages: JSONObject, parameters: JSONObject) async throws -> String? {
        try await name(entries(.getUsernameForRegistration, \.getUsernameForRegistration), stages, parameters)?
            .lowercased()
    }

    /// The display name that the first module with an opinion wants for a user who registers.
    /// - Throws: `MatrixError` if a module fails.
    package func getDisplayNameForRegistration(stages: JSONObject, parameters: JSONObject) async throws -> String? {
        try await name(entries(.getDisplayNameForRegistration, \.getDisplayNameForRegistration), stages, parameters)
    }

    private func name(
        _ entries: [Entry<PasswordAuthProvider.GetNameForRegistration>], _ stages: JSONObject, _ parameters: JSONObject
    ) async throws -> String? {
        for entry in entries {
            let name = try await runner.call(
                entry.target, failure: .registrationFailed, hidesMatrixErrors: true
            ) { try await entry.callback(stages, parameters) }
            if let name { return name }
        }
        return nil
    }
}

extension MatrixError {
    /// What a client sees of a module that fails as somebody registers.
    fileprivate static let registrationFailed = MatrixError(
        status: 500, code: .unknown, message: "Internal Server Error")
}
