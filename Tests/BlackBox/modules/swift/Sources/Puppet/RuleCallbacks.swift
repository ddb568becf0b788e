import MatrixCore
import ModuleAPI

extension Puppet {
    func rules(_ names: Set<String>) -> ThirdPartyRules {
        var rules = ThirdPartyRules()
        for name in names {
            switch name {
            case "check_event_allowed":
                rules.checkEventAllowed = { event, state in
                    let told = try await self.answer(name, [.event(event), try await .map(state)])
                    return Self.eventAnswer(told, event)
                }
            case "on_create_room":
                rules.onCreateRoom = { requester, request, isAdmin in
                    let who: JSON = ["requester": .id(requester.user)]
                    let told = try await self.answer(name, [who, .object(request), .bool(isAdmin)])
                    for (key, value) in told.object("set") ?? [:] { request[key] = value }
                }
            case "check_threepid_can_be_invited":
                rules.checkThreepidCanBeInvited = {
                    try await self.rule(name, .string($0.medium), .string($0.address), try await .map($1))
                }
            case "check_visibility_can_be_modified":
                rules.checkVisibilityCanBeModified = {
                    try await self.rule(name, .id($0), try await .map($1), .string($2.rawValue))
                }
            case "on_new_event":
                rules.onNewEvent = { try await self.hear(name, .event($0), try await .map($1)) }
            case "check_can_shutdown_room":
                rules.checkCanShutdownRoom = { try await self.rule(name, .id($0), .id($1)) }
            case "check_can_deactivate_user":
                rules.checkCanDeactivateUser = { try await self.rule(name, .id($0), .bool($1)) }
            case "on_profile_update":
                rules.onProfileUpdate = {
                    try await self.hear(name, .id($0), .profile($1), .bool($2), .bool($3))
                }
            case "on_user_deactivation_status_changed":
                rules.onUserDeactivationStatusChanged = {
                    try await self.hear(name, .id($0), .bool($1), .bool($2))
                }
            case "on_add_user_third_party_identifier": rules.onAddUserThirdPartyIdentifier = threepid(name)
            case "on_remove_user_third_party_identifier": rules.onRemoveUserThirdPartyIdentifier = threepid(name)
            case "on_threepid_bind": rules.onThreepidBind = threepid(name)
            default: break
            }
        }
        return rules
    }

    private func threepid(_ name: String) -> ThirdPartyRules.OnThreepid {
        { try await self.hear(name, .id($0), .string($1.medium), .string($1.address)) }
    }

    /// `deny`: true or an error; `content`: in place of the event's; `set`: members of the event that become otherwise.
    private static func eventAnswer(_ told: JSONObject, _ event: Event) -> EventAnswer {
        if let deny = told["deny"] { return deny.objectValue.map { .deny(matrixError($0)) } ?? .deny() }
        var object = event.object
        if let content = told["content"] { object["content"] = content }
        for (key, value) in told.object("set") ?? [:] { object[key] = value }
        return told["content"] == nil && told["set"] == nil ? .allow : .replace(object)
    }
}
