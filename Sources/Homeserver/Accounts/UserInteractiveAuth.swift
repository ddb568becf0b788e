package import MatrixCore
package import SQLEngine
package import Storage

/// The request that user-interactive authentication protects.
package struct InteractiveOperation: Sendable {
    package var method: String
    /// The path, without the query.
    package var uri: String
    /// The body, `auth` included.
    package var body: JSONObject
    /// Who makes the request, and so must prove to be that user; `nil` where nobody is logged in.
    package var requester: Requester?
    /// Whether the body may still change when all stages are completed; else another one is another operation.
    package var bodyMayChange = false
    /// Where it comes from, if that is to be remembered: the session keeps where the first request came from.
    package var source: RequestSource?

    package init(method: String, uri: String, body: JSONObject, requester: Requester?) {
        self.method = method
        self.uri = uri
        self.body = body
        self.requester = requester
    }
}

/// Whether an operation may be carried out.
package enum InteractiveAuthOutcome: Sendable {
    /// The client has done all that a flow asks for. `body` is the operation's without `auth`, which may have come with
    /// an earlier request. The session is `nil` if nothing was asked, as the user had proved lately who they are.
    case authenticated(body: JSONObject, session: InteractiveAuthSession?)
    /// The client must do more: the body of a 401 answer.
    case required(JSONObject, session: InteractiveAuthSession)
}

/// Asks for proof before an operation, in stages of which the client may choose a flow.
///
/// Spec: [User-Interactive Authentication API](https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api).
/// A session belongs to a method and path. Its body may change, as many clients do change it, until the stages are
/// completed: from then on the session authenticates that one request, which its user can repeat.
package final class UserInteractiveAuth: Sendable {
    private let database: any Database
    private let settings: AccountSettings
    private let credentials: CredentialService
    private let stages: [String: any InteractiveAuthStage]
    private let time: TimeSource
    private let random: RandomSource

    /// - Parameters:
    ///   - credentials: Judges passwords, and what else modules have users show.
    ///   - stages: What else a client can be asked for; see ``InteractiveAuthStage``.
    package init(
        database: any Database, settings: AccountSettings, credentials: CredentialService,
        stages: [any InteractiveAuthStage],
        time: TimeSource = .system, random: RandomSource = .system
    ) {
        self.database = database
        self.settings = settings
        self.credentials = credentials
        self.stages = Dictionary(stages.map { ($0.type, $0) }, uniquingKeysWith: { $1 })
        self.time = time
        self.random = random
    }

    /// The flows for proving again to be the user one is logged in as.
    package var flowsForUsers: [[String]] { credentials.types(for: .confirmation).map { [$0] } }

    /// Takes the client one step further.
    ///
    /// - Parameter flows: The sequences of stages of which the client must complete one.
    /// - Throws: 400 for an `auth` that is malformed, or names a session or stage there is not; 403 if the session
    ///   belongs to another operation; 429 if a stage has been failed too often.
    package func check(
        _ operation: InteractiveOperation, flows: [[String]]
    ) async throws -> InteractiveAuthOutcome {
        let auth = try Self.auth(in: operation.body)
        if auth?.string("session") == nil, try await isWithinGrace(operation.requester) {
            return .authenticated(body: Self.withoutAuth(operation.body), session: nil)
        }
        var session = try await self.session(auth?.string("session"), for: operation, flows: flows)
        guard let auth else { return .required(answer(flows, session, showsCompleted: false), session: session) }

        var failure: MatrixError?
        if let type = auth.string("type") {
            do {
                let result = try await attempt(type, auth: auth, session: session, operation, flows: flows)
                session.completed[type] = result
            } catch let refused as InteractiveAuthFailure {
                failure = refused.error
            }
        }
        if Self.isComplete(session, flows) {
            try checkProver(of: session, operation.requester)
            try await noteValidation(of: operation.requester)
            return .authenticated(body: session.body, session: session)
        }
        let showsCompleted = auth.contains("session") || auth.contains("type")
        var body = answer(flows, session, showsCompleted: showsCompleted)
        if let failure {
            for (key, value) in failure.body { body[key] = value }
        }
        return .required(body, session: session)
    }

    /// Remembers something for a session.
    package func remember(_ value: JSON, as key: String, in session: String) async throws {
        try await database.write { transaction in
            guard var data = try transaction.interactiveAuth.session(session)?.data else { return }
            data[key] = value
            try transaction.interactiveAuth.setData(data, of: session)
        }
    }

    /// Deletes the sessions that took too long, and gives back the registration tokens they held.
    package func removeExpired() async throws {
        let limit = time.now().advanced(by: .zero - settings.interactiveAuthLifetime)
        while true {
            let removed = try await database.write { transaction in
                let expired = try transaction.interactiveAuth.sessions(before: limit, limit: 500)
                for session in expired {
                    if let token = session.data.string(SessionData.registrationToken) {
                        try transaction.registrationTokens.abandon(token)
                    }
                    try transaction.interactiveAuth.delete(session.id)
                }
                return expired.count
            }
            if removed < 500 { return }
        }
    }

    // MARK: Parts

    private static func auth(in body: JSONObject) throws(MatrixError) -> JSONObject? {
        guard let auth = body["auth"], !auth.isNull else { return nil }
        guard let object = auth.objectValue else { throw .badJSON("'auth' must be an object") }
        for key in ["session", "type"] {
            if let value = object[key], !value.isNull, value.stringValue == nil {
                throw .badJSON("'auth.\(key)' must be a string")
            }
        }
        return object
    }

    private static func withoutAuth(_ body: JSONObject) -> JSONObject {
        var body = body
        body["auth"] = nil
        return body
    }

    /// The session the client names, or a new one.
    private func session(
        _ id: String?, for operation: InteractiveOperation, flows: [[String]]
    ) async throws -> InteractiveAuthSession {
        let body = Self.withoutAuth(operation.body)
        guard let id else {
            var data: JSONObject = [:]
            if let source = operation.source { data[SessionData.source] = source.json }
            let session = InteractiveAuthSession(
                id: random.letters(24), createdAt: time.now(), method: operation.method, uri: operation.uri,
                body: body, data: data)
            try await database.write { try $0.interactiveAuth.insert(session) }
            return session
        }
        let stored = id.utf8.contains(0) ? nil : try await database.read { try $0.interactiveAuth.session(id) }
        guard var session = stored, time.now() < session.createdAt.advanced(by: settings.interactiveAuthLifetime)
        else { throw MatrixError.unknown("Unknown session ID: \(id)") }
        let changed = MatrixError(
            status: 403, code: .unknown,
            message: "Requested operation has changed during the UI authentication session.")
        guard session.method == operation.method, session.uri.hasSameBytes(as: operation.uri) else { throw changed }
        guard !body.isEmpty, body != session.body else { return session }
        if Self.isComplete(session, flows), !operation.bodyMayChange { throw changed }
        session.body = body
        try await database.write { try $0.interactiveAuth.setBody(body, of: id) }
        return session
    }

    private func attempt(
        _ type: String, auth: JSONObject, session: InteractiveAuthSession, _ operation: InteractiveOperation,
        flows: [[String]]
    ) async throws -> JSON {
        guard flows.contains(where: { $0.contains(type) }) else {
            if type == CredentialService.passwordType { try credentials.checkOffered(type, for: .confirmation) }
            throw MatrixError.invalidParam("Invalid login submission")
        }
        let stage: any InteractiveAuthStage = stages[type] ?? CredentialStage(type: type, credentials: credentials)
        let result = try await stage.attempt(
            InteractiveAuthAttempt(auth: auth, session: session, requester: operation.requester))
        let now = time.now()
        try await database.write { try $0.interactiveAuth.complete(type, result: result, of: session.id, at: now) }
        return result
    }

    private static func isComplete(_ session: InteractiveAuthSession, _ flows: [[String]]) -> Bool {
        flows.contains { $0.allSatisfy(session.completed.contains) }
    }

    /// Refuses a session that somebody else completed: what they proved says nothing of who asks now.
    private func checkProver(of session: InteractiveAuthSession, _ requester: Requester?) throws(MatrixError) {
        guard let requester else { return }
        for (type, result) in session.completed where stages[type] == nil {
            guard let prover = result.stringValue, prover.hasSameBytes(as: requester.user.string) else {
                throw .forbidden("Invalid auth")
            }
        }
    }

    private func answer(_ flows: [[String]], _ session: InteractiveAuthSession, showsCompleted: Bool) -> JSONObject {
        var parameters: JSONObject = [:]
        for type in flows.joined() where parameters[type] == nil {
            if let values = stages[type]?.parameters { parameters[type] = .object(values) }
        }
        var body: JSONObject = [
            "session": .string(session.id),
            "flows": .array(flows.map { ["stages": .array($0.map { .string($0) })] }),
            "params": .object(parameters),
        ]
        if showsCompleted { body["completed"] = .array(session.completed.keys.map { .string($0) }) }
        return body
    }

    private func isWithinGrace(_ requester: Requester?) async throws -> Bool {
        guard settings.interactiveAuthGrace > .zero, let token = requester?.tokenNumber else { return false }
        guard let last = try await database.read({ try $0.accessTokens.lastValidated(token) }) else { return false }
        return time.now() < last.advanced(by: settings.interactiveAuthGrace)
    }

    private func noteValidation(of requester: Requester?) async throws {
        guard settings.interactiveAuthGrace > .zero, let token = requester?.tokenNumber else { return }
        let now = time.now()
        try await database.write { try $0.accessTokens.setLastValidated(now, of: token) }
    }
}
