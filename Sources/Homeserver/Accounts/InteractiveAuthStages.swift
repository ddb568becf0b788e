package import MatrixCore
package import SQLEngine
package import Storage

/// One thing a client can be asked for in user-interactive authentication.
///
/// Spec: [Authentication types](https://spec.matrix.org/v1.19/client-server-api/#authentication-types). A stage that is
/// completed in a browser checks in ``attempt(_:)`` whether that has happened.
package protocol InteractiveAuthStage: Sendable {
    /// The stage's type, as `m.login.dummy`.
    var type: String { get }
    /// What the client must know to complete it, for `params`.
    var parameters: JSONObject? { get }
    /// Judges what the client sent.
    ///
    /// - Returns: What was established, to be kept with the session.
    /// - Throws: ``InteractiveAuthFailure`` if the client may try again; any other error ends the request with it.
    func attempt(_ attempt: InteractiveAuthAttempt) async throws -> JSON
}

extension InteractiveAuthStage {
    package var parameters: JSONObject? { nil }
}

/// What a client sent to complete a stage.
package struct InteractiveAuthAttempt: Sendable {
    /// The `auth` object of the body.
    package let auth: JSONObject
    package let session: InteractiveAuthSession
    /// Who makes the request.
    package let requester: Requester?
}

/// The client has not completed the stage; it is told so in the 401 answer.
package struct InteractiveAuthFailure: Error {
    package let error: MatrixError
    package init(_ error: MatrixError) { self.error = error }
}

/// `m.login.dummy`, which asks for nothing.
package struct DummyStage: InteractiveAuthStage {
    package let type = "m.login.dummy"
    package init() {}
    package func attempt(_ attempt: InteractiveAuthAttempt) async throws -> JSON { true }
}

/// `m.login.password`, and the login types of modules: the user who makes the request proves who they are.
struct CredentialStage: InteractiveAuthStage {
    let type: String
    let credentials: CredentialService

    func attempt(_ attempt: InteractiveAuthAttempt) async throws -> JSON {
        let proven: ProvenUser
        do {
            proven = try await credentials.verify(attempt.auth, for: .confirmation)
        } catch let error as MatrixError where error.status == 403 {
            throw InteractiveAuthFailure(error)
        }
        if let requester = attempt.requester, requester.user != proven.user {
            throw MatrixError.forbidden("Invalid auth")
        }
        return .string(proven.user.string)
    }
}

/// `m.login.registration_token`: a token an administrator has given out.
///
/// Spec: [Token-authenticated registration](https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration).
package struct RegistrationTokenStage: InteractiveAuthStage {
    package let type = "m.login.registration_token"
    private let database: any Database
    private let time: TimeSource

    package init(database: any Database, time: TimeSource = .system) {
        self.database = database
        self.time = time
    }

    package func attempt(_ attempt: InteractiveAuthAttempt) async throws -> JSON {
        guard let given = attempt.auth["token"] else {
            throw InteractiveAuthFailure(.missingParam("Missing registration token"))
        }
        guard let token = given.stringValue else {
            throw InteractiveAuthFailure(.invalidParam("Registration token must be a string"))
        }
        guard attempt.auth.contains("session") else {
            throw InteractiveAuthFailure(.missingParam("Missing UIA session"))
        }
        let invalid = InteractiveAuthFailure(
            MatrixError(status: 401, code: .unauthorized, message: "Invalid registration token"))
        guard !token.utf8.contains(0) else { throw invalid }
        let (session, now) = (attempt.session.id, time.now())
        // Checked and counted in one transaction, so that a token's last use is not given to two.
        let isAccepted = try await database.write { transaction in
            guard var data = try transaction.interactiveAuth.session(session)?.data else { return false }
            if data.string(SessionData.registrationToken)?.hasSameBytes(as: token) == true { return true }
            guard try transaction.registrationTokens.token(token)?.isValid(at: now) == true else { return false }
            if let earlier = data.string(SessionData.registrationToken) {
                try transaction.registrationTokens.abandon(earlier)
            }
            try transaction.registrationTokens.begin(token)
            data[SessionData.registrationToken] = .string(token)
            try transaction.interactiveAuth.setData(data, of: session)
            return true
        }
        guard isAccepted else { throw invalid }
        return .string(token)
    }
}
