import MatrixCore
import ModuleAPI

extension Puppet {
    func validity(_ names: Set<String>) -> AccountValidity {
        var validity = AccountValidity()
        for name in names {
            switch name {
            case "is_user_expired":
                validity.isUserExpired = { user in
                    switch try await self.result(name, .id(user)) {
                    case .bool(true): .expired
                    case .bool(false): .valid
                    default: .unknown
                    }
                }
            case "on_user_registration": validity.onUserRegistration = { try await self.hear(name, .id($0)) }
            case "on_user_login":
                validity.onUserLogin = { try await self.hear(name, .id($0), .text($1), .text($2)) }
            case "on_legacy_send_mail": validity.onLegacySendMail = { try await self.hear(name, .id($0)) }
            case "on_legacy_renew":
                validity.onLegacyRenew = { token in
                    let told = try await self.result(name, .string(token))
                    return AccountRenewal(
                        isValid: told?["valid"] == true, isStale: told?["stale"] == true,
                        expiresAt: Timestamp(milliseconds: told?["expires"]?.integerValue ?? 0))
                }
            case "on_legacy_admin_request":
                validity.onLegacyAdminRequest = { request in
                    let told = try await self.result(name, .id(request.administrator.user), .object(request.body))
                    return Timestamp(milliseconds: told?.integerValue ?? 0)
                }
            default: break
            }
        }
        return validity
    }

    func provider(_ names: Set<String>) -> PasswordAuthProvider {
        var provider = PasswordAuthProvider()
        for name in names.sorted() {
            switch name {
            case "m.login.password": provider.authCheckers.append(checker(name, ["password"]))
            case "test.login_type": provider.authCheckers.append(checker(name, ["test_field"]))
            case "check_3pid_auth":
                provider.checkThreepidAuth = { threepid, password in
                    let arguments: [JSON] = [.string(threepid.medium), .string(threepid.address), .string(password)]
                    return self.authAnswer(try await self.answer(name, arguments))
                }
            case "on_logged_out":
                provider.onLoggedOut = { try await self.hear(name, .id($0), .id($1), .string($2)) }
            case "is_3pid_allowed":
                provider.isThreepidAllowed = {
                    try await self.rule(name, .string($0.medium), .string($0.address), .bool($1))
                }
            case "get_username_for_registration": provider.getUsernameForRegistration = chooser(name)
            case "get_displayname_for_registration": provider.getDisplayNameForRegistration = chooser(name)
            default: break
            }
        }
        return provider
    }

    private func checker(_ type: String, _ fields: [String]) -> AuthChecker {
        AuthChecker(loginType: type, fields: fields) { username, type, fields in
            let told = try await self.answer(type, [.string(username), .string(type), .object(fields)])
            return self.authAnswer(told)
        }
    }

    /// `result`: the user; `response`: what to put into the answer to the login.
    private func authAnswer(_ told: JSONObject) -> AuthAnswer {
        guard let user = told.string("result") else { return .unknown }
        guard let more = told.object("response") else { return .user(UserID(trusted: user)) }
        return .user(UserID(trusted: user)) { response in
            try await self.hear("login_callback", .object(response))
            for (key, value) in more { response[key] = value }
        }
    }

    private func chooser(_ name: String) -> PasswordAuthProvider.GetNameForRegistration {
        { try await self.result(name, .object($0), .object($1))?.stringValue }
    }
}
