public import MatrixCore
public import ModuleAPI

extension TestContext {
    /// - Parameter state: The room's state before the event; `nil` for what the server's fake has of the room.
    public func checkEventAllowed(_ event: Event, state: StateMap? = nil) async throws -> EventAnswer {
        let state = try await self.state(state, of: event.roomID)
        return try await ask(rules("check_event_allowed", \.checkEventAllowed), passing: .allow) {
            try await $0(event, state)
        }
    }

    /// - Returns: The request as the module left it.
    public func onCreateRoom(
        _ request: JSONObject, by requester: Requester = .test()
    ) async throws -> JSONObject {
        var request = request
        for callback in try rules("on_create_room", \.onCreateRoom) {
            try await callback(requester, &request, requester.isAdmin)
        }
        return request
    }

    public func checkThreepidCanBeInvited(
        _ invitee: ThreepidAddress, state: StateMap? = nil, to room: RoomID = .testRoom
    ) async throws -> RuleAnswer {
        let state = try await self.state(state, of: room)
        return try await ask(rules("check_threepid_can_be_invited", \.checkThreepidCanBeInvited), passing: .allow) {
            try await $0(invitee, state)
        }
    }

    public func checkVisibilityCanBeModified(
        _ newVisibility: RoomVisibility, state: StateMap? = nil, of room: RoomID = .testRoom
    ) async throws -> RuleAnswer {
        let state = try await self.state(state, of: room)
        return try await ask(
            rules("check_visibility_can_be_modified", \.checkVisibilityCanBeModified), passing: .allow
        ) { try await $0(room, state, newVisibility) }
    }

    /// - Parameter state: The room's state with the event; `nil` for what the server's fake has of the room.
    public func onNewEvent(_ event: Event, state: StateMap? = nil) async throws {
        let state = try await self.state(state, of: event.roomID)
        for callback in try rules("on_new_event", \.onNewEvent) { try await callback(event, state) }
    }

    public func checkCanShutdownRoom(_ room: RoomID, by user: UserID? = nil) async throws -> RuleAnswer {
        try await ask(rules("check_can_shutdown_room", \.checkCanShutdownRoom), passing: .allow) {
            try await $0(user, room)
        }
    }

    public func checkCanDeactivateUser(_ user: UserID, byAdmin: Bool = false) async throws -> RuleAnswer {
        try await ask(rules("check_can_deactivate_user", \.checkCanDeactivateUser), passing: .allow) {
            try await $0(user, byAdmin)
        }
    }

    public func onProfileUpdate(
        _ user: UserID, _ profile: UserProfile, byAdmin: Bool = false, isDeactivation: Bool = false
    ) async throws {
        for callback in try rules("on_profile_update", \.onProfileUpdate) {
            try await callback(user, profile, byAdmin, isDeactivation)
        }
    }

    public func onUserDeactivationStatusChanged(
        _ user: UserID, isDeactivated: Bool = true, byAdmin: Bool = false
    ) async throws {
        for callback in try rules("on_user_deactivation_status_changed", \.onUserDeactivationStatusChanged) {
            try await callback(user, isDeactivated, byAdmin)
        }
    }

    public func onAddUserThirdPartyIdentifier(_ user: UserID, _ threepid: ThreepidAddress) async throws {
        for callback in try rules("on_add_user_third_party_identifier", \.onAddUserThirdPartyIdentifier) {
            try await callback(user, threepid)
        }
    }

    public func onRemoveUserThirdPartyIdentifier(_ user: UserID, _ threepid: ThreepidAddress) async throws {
        for callback in try rules("on_remove_user_third_party_identifier", \.onRemoveUserThirdPartyIdentifier) {
            try await callback(user, threepid)
        }
    }

    public func onThreepidBind(_ user: UserID, _ threepid: ThreepidAddress) async throws {
        for callback in try rules("on_threepid_bind", \.onThreepidBind) { try await callback(user, threepid) }
    }

    private func rules<Callback: Sendable>(
        _ name: String, _ callback: (ThirdPartyRules) -> Callback?
    ) throws -> [Callback] {
        try callbacks(name, \.thirdPartyRules, callback)
    }

    private func state(_ given: StateMap?, of room: RoomID) async throws -> StateMap {
        if let given { return given }
        return try await server.rooms.state(of: room)
    }
}
