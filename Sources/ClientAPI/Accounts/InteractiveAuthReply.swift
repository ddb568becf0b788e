import Homeserver
import MatrixCore
import WebServer

extension UserInteractiveAuth {
    /// Does `action` once the user has proved who they are, and until then answers with what is asked for.
    ///
    /// - Parameter action: Is given the operation's body, which the client may have sent with an earlier request.
    func protecting(
        _ operation: InteractiveOperation, _ action: (JSONObject) async throws -> Reply
    ) async throws -> Reply {
        switch try await check(operation, flows: flowsForUsers) {
        case .required(let answer, session: _): return .json(answer, status: 401)
        case .authenticated(let body, session: _): return try await action(body)
        }
    }
}
