import MatrixCore
import ModuleAPI

/// Accounts: how long they are good, and who may log in.
extension CallbackProxy {
    func registerValidity(_ context: any ModuleContext) throws -> Bool {
        var validity = AccountValidity()
        switch registration.label.callback {
        case "is_user_expired":
            validity.isUserExpired = { user in
                switch try await ask({ $0.append(user) })?.boolValue {
                case true?: .expired
                case false?: .valid
                case nil: .unknown
                }
            }
        case "on_user_registration":
            validity.onUserRegistration = { user in try await tell { $0.append(user) } }
        case "on_user_login":
            validity.onUserLogin = { user, type, provider in
                try await tell {
                    $0.append(user)
                    $0.append(type)
                    $0.append(provider)
                }
            }
        case "on_legacy_send_mail":
            validity.onLegacySendMail = { user in _ = try await ask { $0.append(user) } }
        case "on_legacy_renew":
            validity.onLegacyRenew = { token in
                let answer = try await ask { $0.append(token) }
                guard let parts = answer?.arrayValue, parts.count == 3, let isValid = parts[0].boolValue,
                    let isStale = parts[1].boolValue, let expiry = parts[2].integerValue
                else { throw Self.unusable(answer, registration.label) }
                return AccountRenewal(
                    isValid: isValid, isStale: isStale, expiresAt: Timestamp(milliseconds: expiry))
            }
        case "on_legacy_admin_request":
            validity.onLegacyAdminRequest = { request in
                let answer = try await ask { $0.append(Self.adminRequest(request)) }
                guard let expiry = answer?.integerValue else { throw Self.unusable(answer, registration.label) }
                return Timestamp(milliseconds: expiry)
            }
        default: return false
        }
        try context.register(validity)
        return true
    }

    /// The request as the module would have seen it.
    private static func adminRequest(_ request: AccountValidityRequest) -> JSONObject {
        let body = String(decoding: request.body.encoded(), as: UTF8.self)
        return [
            "$request": [
                "method": "POST", "uri": "/_synapse/admin/v1/account_validity/validity", "version": "HTTP/1.1",
                "headers": [
                    ["Content-Type", "application/json"], ["Content-Length", .string(String(body.utf8.count))],
                ],
                "client_ip": "", "secure": false, "request_id": "", "body": .string(body),
                "requester": .object(requesterObject(request.administrator)),
            ]
        ]
    }

    func registerAuth(_ context: any ModuleContext, _ extra: JSONObject) throws -> Bool {
        var provider = PasswordAuthProvider()
        switch registration.label.callback {
        case "auth_checkers":
            guard let type = extra.string("login_type"), let fields = extra["fields"]?.stringArrayValue else {
                throw HostError.value("an auth checker without login type or fields")
            }
            provider.authCheckers = [
                AuthChecker(loginType: type, fields: fields) { username, type, fields in
                    try await authAnswer {
                        $0.append(username)
                        $0.append(type)
                        $0.append(fields)
                    }
                }
            ]
        case "check_3pid_auth":
            provider.checkThreepidAuth = { threepid, password in
                try await authAnswer {
                    $0.append(threepid.medium)
                    $0.append(threepid.address)
                    $0.append(password)
                }
            }
        case "on_logged_out":
            provider.onLoggedOut = { user, device, token in
                try await tell {
                    $0.append(user)
                    $0.append(device?.string)
                    $0.append(token)
                }
            }
        case "is_3pid_allowed":
            provider.isThreepidAllowed = { threepid, isRegistration in
                ruleAnswer(
                    try await ask {
                        $0.append(threepid.medium)
                        $0.append(threepid.address)
                        $0.append(isRegistration)
                    })
            }
        case "get_username_for_registration": provider.getUsernameForRegistration = chosenName
        case "get_displayname_for_registration": provider.getDisplayNameForRegistration = chosenName
        default: return false
        }
        try context.register(provider)
        return true
    }

    @Sendable private func chosenName(_ stages: JSONObject, _ parameters: JSONObject) async throws -> String? {
        try await ask {
            $0.append(stages)
            $0.append(parameters)
        }?.stringValue
    }

    /// `null`, or `{"user_id", "callback": number or null}`.
    private func authAnswer(_ write: (inout ArgumentWriter) -> Void) async throws -> AuthAnswer {
        // The callback belongs to this process, and dies with it.
        let session = try await host.session()
        guard let answer = try await ask(write), !answer.isNull else { return .unknown }
        guard let user = answer["user_id"]?.stringValue.flatMap({ UserID($0) }) else {
            throw PythonException(
                type: "ValueError", message: "\(registration.label.module) named a user who cannot be one",
                traceback: "")
        }
        guard let identifier = answer["callback"]?.integerValue else { return .user(user) }
        let label = CallLabel(module: registration.label.module, callback: "login_callback")
        return .user(user) { response in
            var writer = ArgumentWriter()
            writer.append(response)
            let arguments = writer.finished()
            let edited = try await host.failing {
                try await session.callback(identifier, label, arguments, state: nil)
            }
            guard let edited = edited.objectValue else { throw Self.unusable(edited, label) }
            response = edited
        }
    }
}
