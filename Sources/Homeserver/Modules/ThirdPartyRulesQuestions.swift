import Logging
package import MatrixCore
package import ModuleAPI

/// What `check_event_allowed` came to, denial aside.
package enum EventVerdict: Hashable, Sendable {
    case allow
    /// A module wants this whole event instead; ``EventReplacement`` checks it.
    case replace(JSONObject)
}

/// The questions put to third-party rules, and what they are told.
extension ModuleRegistry {
    // MARK: Events and new rooms

    /// Asks whether an event may come into being. Modules are asked in order until one denies or replaces.
    /// - Parameter state: The room's state before the event.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func checkEventAllowed(_ event: Event, state: StateMap) async throws -> EventVerdict {
        for entry in entries(.checkEventAllowed, \.checkEventAllowed) {
            let answer: EventAnswer = try await runner.call(
                entry.target, denial: { if case .deny(let error) = $0 { error } else { nil } }
            ) { try await entry.callback(event, state) }
            if case .replace(let object) = answer { return .replace(object) }
        }
        return .allow
    }

    /// Lets modules refuse or change a request to create a room, in order until one refuses.
    /// - Parameter request: The body of the request, not validated yet.
    /// - Returns: The body with the modules' changes.
    /// - Throws: `MatrixError` if a module refuses or fails.
    package func onCreateRoom(
        requester: Requester, request: JSONObject, isAdmin: Bool
    ) async throws -> JSONObject {
        var request = request
        for entry in entries(.onCreateRoom, \.onCreateRoom) {
            let original = request
            request = try await runner.call(
                entry.target,
                failure: MatrixError(
                    status: 403, code: .unknown, message: "Room creation forbidden with these parameters")
            ) {
                var edited = original
                try await entry.callback(requester, &edited, isAdmin)
                return edited
            }
        }
        return request
    }

    /// Tells every module of an event that was stored, in order. Their errors only reach the log.
    ///
    /// The sender's answer does not wait for this.
    /// - Parameter state: The room's current state, the event included.
    package func onNewEvent(_ event: Event, state: StateMap) async {
        for entry in entries(.onNewEvent, \.onNewEvent) {
            await runner.notify(entry.target) { try await entry.callback(event, state) }
        }
    }

    // MARK: Yes or no; what a module that fails says counts as yes

    /// Asks whether somebody may be invited by a third-party identifier.
    /// - Parameter state: The room's current state.
    /// - Throws: `MatrixError` if a module denies.
    package func checkThreepidCanBeInvited(_ invitee: ThreepidAddress, state: StateMap) async throws {
        let denial = MatrixError.forbidden("This third-party identifier can not be invited in this room")
        for entry in entries(.checkThreepidCanBeInvited, \.checkThreepidCanBeInvited) {
            try await rule(entry, denial, logging: .warning) { try await $0(invitee, state) }
        }
    }

    /// Asks whether a room's place on the list of rooms may be this one.
    ///
    /// Asked about every new room, with no state, and about rooms that go on the list, not about those that go off it.
    /// - Throws: `MatrixError` if a module denies.
    package func checkVisibilityCanBeModified(
        room: RoomID, state: StateMap, newVisibility: RoomVisibility, isNewRoom: Bool
    ) async throws {
        let denial = MatrixError(
            status: 403, code: .unknown,
            message: isNewRoom ? "Room visibility value not allowed." : "Not allowed to publish room")
        for entry in entries(.checkVisibilityCanBeModified, \.checkVisibilityCanBeModified) {
            try await rule(entry, denial, logging: .warning) { try await $0(room, state, newVisibility) }
        }
    }

    /// Asks whether a room may be shut down.
    /// - Parameter user: Who wants it; `nil` if a module does.
    /// - Throws: `MatrixError` if a module denies.
    package func checkCanShutdownRoom(user: UserID?, room: RoomID) async throws {
        let denial = MatrixError.forbidden("Shutdown of this room is forbidden")
        for entry in entries(.checkCanShutdownRoom, \.checkCanShutdownRoom) {
            try await rule(entry, denial, logging: .error) { try await $0(user, room) }
        }
    }

    /// Asks whether an account may be deactivated.
    /// - Throws: `MatrixError` if a module denies.
    package func checkCanDeactivateUser(_ user: UserID, byAdmin: Bool) async throws {
        let denial = MatrixError.forbidden("Deactivation of this user is forbidden")
        for entry in entries(.checkCanDeactivateUser, \.checkCanDeactivateUser) {
            try await rule(entry, denial, logging: .error) { try await $0(user, byAdmin) }
        }
    }

    private func rule<Callback>(
        _ entry: Entry<Callback>, _ denial: MatrixError, logging level: Logger.Level,
        _ body: @escaping @Sendable (Callback) async throws -> RuleAnswer
    ) async throws {
        let answer = try await runner.attempt(entry.target, logging: level, isDenial: { $0 == .deny }) {
            try await body(entry.callback)
        }
        if answer == .deny { throw denial }
    }

    // MARK: What modules are told

    /// Tells every module of a local user's changed profile, before the user's rooms hear of it.
    package func onProfileUpdate(
        _ user: UserID, profile: UserProfile, byAdmin: Bool, isDeactivation: Bool
    ) async {
        for entry in entries(.onProfileUpdate, \.onProfileUpdate) {
            await runner.notify(entry.target) { try await entry.callback(user, profile, byAdmin, isDeactivation) }
        }
    }

    /// Tells every module that an account was deactivated or reactivated.
    package func onUserDeactivationStatusChanged(_ user: UserID, isDeactivated: Bool, byAdmin: Bool) async {
        for entry in entries(.onUserDeactivationStatusChanged, \.onUserDeactivationStatusChanged) {
            await runner.notify(entry.target) { try await entry.callback(user, isDeactivated, byAdmin) }
        }
    }

    /// Tells every module that a local user has a further third-party identifier, by both callbacks for that.
    package func onAddUserThirdPartyIdentifier(_ user: UserID, _ threepid: ThreepidAddress) async {
        for entry in entries(.onAddUserThirdPartyIdentifier, \.onAddUserThirdPartyIdentifier) {
            await runner.notify(entry.target) { try await entry.callback(user, threepid) }
        }
        for entry in entries(.onThreepidBind, \.onThreepidBind) {
            await runner.notify(entry.target) { try await entry.callback(user, threepid) }
        }
    }

    /// Tells every module that a local user lost a third-party identifier.
    package func onRemoveUserThirdPartyIdentifier(_ user: UserID, _ threepid: ThreepidAddress) async {
        for entry in entries(.onRemoveUserThirdPartyIdentifier, \.onRemoveUserThirdPartyIdentifier) {
            await runner.notify(entry.target) { try await entry.callback(user, threepid) }
        }
    }
}
