import Logging
import MatrixCore
import ModuleAPI

/// What the host asked for.
enum CallResult {
    case json(JSON)
    case event(Event)
    /// A state that the host keeps a copy of.
    case state(StateMap)

    static let nothing = CallResult.json(.null)
    static func bool(_ value: Bool) -> CallResult { .json(.bool(value)) }
    static func string(_ value: String?) -> CallResult { .json(JSON(value)) }
}

/// Answers calls of the host: each method is one call on a facet of `ModuleContext`.
extension PythonModules {
    /// Answers a call.
    func answer(
        _ number: UInt32, _ method: String, _ parameters: JSONObject, in session: HostSession
    ) async -> Connection.Answer {
        do {
            let result = try await HostSession.$isWithinRequest.withValue(true) {
                try await serve(method, Parameters(object: parameters))
            }
            switch result {
            case .json(let json): return .result(json.encoded())
            case .event(let event):
                var bytes: [UInt8] = []
                bytes.appendEvent(event)
                return .result(bytes)
            case .state(let map):
                try await session.reply(number, state: map)
                return .sent
            }
        } catch {
            return .failure(failure(error, of: method))
        }
    }

    private func failure(_ error: any Error, of method: String) -> JSONObject {
        switch error {
        case let error as HostError: return error.json
        case let error as any MatrixErrorConvertible: return errorObject(error.matrixError)
        case ModuleError.notLocal(let id):
            // As Synapse has it: account data is particular about values, rooms about who acts.
            let make = method.hasSuffix("account_data") ? HostError.value : HostError.runtime
            return make("\(id) is not a user of this server").json
        case ModuleError.externalIDInUse:
            return HostError(type: "ExternalIDReuseException", message: "The external ID stands for another user").json
        case ModuleError.shadowBanned: return HostError(type: "ShadowBanError", message: "").json
        case ModuleError.unavailable(let what): return HostError.unavailable(what).json
        case ModuleError.invalid(let what): return HostError.value(what).json
        case is CancellationError: return HostError.runtime("the call was cancelled").json
        case let error as PythonException:
            // A callback that this call caused has failed; the client would have got the same.
            return HostError.runtime("\(error.type): \(error.message)").json
        default:
            log.error("A module's call of \(method) failed: \(error)")
            return HostError.runtime("\(method) failed in the server; its log says why").json
        }
    }

    private func serve(_ method: String, _ parameters: Parameters) async throws -> CallResult {
        guard let context = anyContext else {
            throw HostError.runtime("\(method) can be called once the first module is being made")
        }
        if let result = try await serveUsers(method, parameters, context.users) { return result }
        if let result = try await serveAccounts(method, parameters, context.users) { return result }
        if let result = try await serveRooms(method, parameters, context) { return result }
        if let result = try await serveLists(method, parameters, context) { return result }
        if let missing = Self.missing[method] { throw HostError.unavailable(missing) }
        throw HostError.unavailable("The server has no method '\(bounded(method, to: 100))'")
    }

    /// What modules may ask for in Synapse, and not here yet.
    private static let missing: [String: String] = [
        "get_monthly_active_users_by_service": "This server does not count monthly active users yet",
        "store_remote_3pid_association": "This server does not know identity servers yet",
        "complete_sso_login": "This server does not know single sign-on yet",
        "delete_room": "This server cannot delete rooms yet",
        "set_presence_for_users": "This server does not keep presence yet",
        "send_local_online_presence_to": "This server does not keep presence yet",
        "send_http_push_notification": "This server does not send push notifications yet",
        "set_push_rule_action": "This server does not keep push rules yet",
    ]
}
