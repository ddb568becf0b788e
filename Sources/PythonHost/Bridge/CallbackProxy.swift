import MatrixCore
import ModuleAPI

/// Registers a Python callback with the server, as the closure that asks Python.
struct CallbackProxy: Sendable {
    let host: PythonModules
    let registration: Registration

    func ask(state map: StateMap? = nil, _ write: (inout ArgumentWriter) -> Void) async throws -> JSON? {
        try await host.ask(registration, Self.arguments(write), state: map)
    }

    func tell(state map: StateMap? = nil, _ write: (inout ArgumentWriter) -> Void) async throws {
        try await host.tell(registration, Self.arguments(write), state: map)
    }

    private static func arguments(_ write: (inout ArgumentWriter) -> Void) -> [UInt8] {
        var writer = ArgumentWriter()
        write(&writer)
        return writer.finished()
    }

    /// Registers the callback. What is wrong with it is told when the module has been made.
    /// - Parameter extra: What belongs to the registration beside the callback.
    func register(with context: any ModuleContext, _ extra: JSONObject) {
        do {
            let isKnown =
                try registerRules(context) || registerSpamChecker(context) || registerValidity(context)
                || registerAuth(context, extra) || registerRest(context)
            if !isKnown { throw HostError.value("The server has no callback '\(registration.label.callback)'") }
        } catch let error as HostError {
            registration.fail(PythonException(type: error.type, message: error.message, traceback: ""))
        } catch {
            registration.fail(error)
        }
    }

    /// What a callback answers that is not as the contract wants it.
    static func unusable(_ answer: JSON?, _ label: CallLabel) -> PythonException {
        PythonException(
            type: "TypeError", message: "\(label.module) answered \(label.callback) with something unusable",
            traceback: "")
    }

    private func unusable(_ answer: JSON?) -> PythonException { Self.unusable(answer, registration.label) }

    // MARK: Third-party rules

    private func registerRules(_ context: any ModuleContext) -> Bool {
        var rules = ThirdPartyRules()
        switch registration.label.callback {
        case "check_event_allowed": rules.checkEventAllowed = checkEventAllowed
        case "on_create_room": rules.onCreateRoom = onCreateRoom
        case "check_threepid_can_be_invited":
            rules.checkThreepidCanBeInvited = { invitee, state in
                ruleAnswer(
                    try await ask(state: state) {
                        $0.append(invitee.medium)
                        $0.append(invitee.address)
                        $0.appendState()
                    })
            }
        case "check_visibility_can_be_modified":
            rules.checkVisibilityCanBeModified = { room, state, visibility in
                ruleAnswer(
                    try await ask(state: state) {
                        $0.append(room)
                        $0.appendState()
                        $0.append(visibility.rawValue)
                    })
            }
        case "on_new_event":
            rules.onNewEvent = { event, state in
                try await tell(state: state) {
                    $0.append(event)
                    $0.appendState()
                }
            }
        case "check_can_shutdown_room":
            rules.checkCanShutdownRoom = { user, room in
                ruleAnswer(
                    try await ask {
                        $0.append(user?.string)
                        $0.append(room)
                    })
            }
        case "check_can_deactivate_user":
            rules.checkCanDeactivateUser = { user, byAdmin in
                ruleAnswer(
                    try await ask {
                        $0.append(user)
                        $0.append(byAdmin)
                    })
            }
        case "on_profile_update":
            rules.onProfileUpdate = { user, profile, byAdmin, isDeactivation in
                try await tell {
                    $0.append(user)
                    $0.append(Self.profileObject(profile))
                    $0.append(byAdmin)
                    $0.append(isDeactivation)
                }
            }
        case "on_user_deactivation_status_changed":
            rules.onUserDeactivationStatusChanged = { user, isDeactivated, byAdmin in
                try await tell {
                    $0.append(user)
                    $0.append(isDeactivated)
                    $0.append(byAdmin)
                }
            }
        case "on_add_user_third_party_identifier": rules.onAddUserThirdPartyIdentifier = tellThreepid
        case "on_remove_user_third_party_identifier": rules.onRemoveUserThirdPartyIdentifier = tellThreepid
        case "on_threepid_bind": rules.onThreepidBind = tellThreepid
        default: return false
        }
        context.register(rules)
        return true
    }

    private static func profileObject(_ profile: UserProfile) -> JSONObject {
        ["$profile": ["display_name": JSON(profile.displayName), "avatar_url": JSON(profile.avatarURL)]]
    }

    @Sendable private func checkEventAllowed(_ event: Event, _ state: StateMap) async throws -> EventAnswer {
        let answer = try await ask(state: state) {
            $0.append(event)
            $0.appendState()
        }
        guard let answer else { return .allow }
        guard let pair = answer.arrayValue, pair.count == 2 else { throw unusable(answer) }
        if pair[0] == .bool(false) { return .deny() }
        return pair[1].objectValue.map { .replace($0) } ?? .allow
    }

    @Sendable private func onCreateRoom(
        _ requester: Requester, _ request: inout JSONObject, _ isRequesterAdmin: Bool
    ) async throws {
        let original = request
        let answer = try await ask {
            $0.append(requesterObject(requester))
            $0.append(original)
            $0.append(isRequesterAdmin)
        }
        guard let answer else { return }
        guard let edited = answer["request"]?.objectValue else { throw unusable(answer) }
        request = edited
    }

    @Sendable private func tellThreepid(_ user: UserID, _ threepid: ThreepidAddress) async throws {
        try await tell {
            $0.append(user)
            $0.append(threepid.medium)
            $0.append(threepid.address)
        }
    }

    /// Only a literal `false` denies.
    func ruleAnswer(_ answer: JSON?) -> RuleAnswer { answer == .bool(false) ? .deny : .allow }
}
