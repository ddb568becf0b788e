package import MatrixCore
package import ModuleAPI

/// The questions put to spam checkers. Modules are asked in order; the first that denies decides.
///
/// All that throw give a `MatrixError` if a module denies or fails.
extension ModuleRegistry {
    // MARK: Events

    /// Asks whether an event may be sent.
    package func checkEventForSpam(_ event: Event) async throws {
        for entry in entries(.checkEventForSpam, \.checkEventForSpam) {
            try await ask(entry, denial: "This message has been rejected as probable spam") {
                try await $0(event)
            }
        }
    }

    /// Whether to ignore an event or invite of another server.
    package func shouldDropFederatedEvent(_ event: Event) async throws -> Bool {
        for entry in entries(.shouldDropFederatedEvent, \.shouldDropFederatedEvent) {
            let answer = try await runner.call(entry.target) { try await entry.callback(event) }
            if answer == .drop { return true }
        }
        return false
    }

    /// Asks whether `user` may send a state event with `PUT …/state`; administrators are not asked about.
    package func userMaySendStateEvent(
        user: UserID, room: RoomID, key: StateKey, content: JSONObject
    ) async throws {
        for entry in entries(.userMaySendStateEvent, \.userMaySendStateEvent) {
            try await ask(entry, denial: "You are not permitted to send the state event") {
                try await $0(user, room, key, content)
            }
        }
    }

    // MARK: Rooms

    /// Asks whether `user` may join; administrators and a room's creator are not asked about.
    /// - Parameter isInvited: Whether an invite is pending.
    package func userMayJoinRoom(user: UserID, room: RoomID, isInvited: Bool) async throws {
        for entry in entries(.userMayJoinRoom, \.userMayJoinRoom) {
            try await ask(entry, denial: "Not allowed to join this room") { try await $0(user, room, isInvited) }
        }
    }

    /// Asks whether a local user may invite; administrators are not asked about.
    package func userMayInvite(inviter: UserID, invitee: UserID, room: RoomID) async throws {
        for entry in entries(.userMayInvite, \.userMayInvite) {
            try await ask(entry, denial: "Invites have been disabled on this server") {
                try await $0(inviter, invitee, room)
            }
        }
    }

    /// Asks whether a user of another server may invite one of ours, by both callbacks that have a say in that.
    /// - Parameter event: The invite, with the room's stripped state in `unsigned`.
    package func federatedUserMayInvite(_ event: Event) async throws {
        let denial = "This user is not permitted to send invites to this server/user"
        for entry in entries(.federatedUserMayInvite, \.federatedUserMayInvite) {
            try await ask(entry, denial: denial) { try await $0(event) }
        }
        guard let invitee = event.stateKey.flatMap({ UserID($0) }) else { return }
        for entry in entries(.userMayInvite, \.userMayInvite) {
            try await ask(entry, denial: denial) { try await $0(event.sender, invitee, event.roomID) }
        }
    }

    /// Asks whether a local user may invite somebody who is known by a third-party identifier only.
    package func userMaySendThreepidInvite(
        inviter: UserID, invitee: ThreepidAddress, room: RoomID
    ) async throws {
        for entry in entries(.userMaySendThreepidInvite, \.userMaySendThreepidInvite) {
            try await ask(entry, denial: "Cannot send threepid invite") { try await $0(inviter, invitee, room) }
        }
    }

    /// Asks whether `user` may create a room; administrators are not asked about, unless they upgrade one.
    /// - Parameter configuration: The body of the request, as ``onCreateRoom(requester:request:isAdmin:)`` left it.
    package func userMayCreateRoom(user: UserID, configuration: JSONObject) async throws {
        for entry in entries(.userMayCreateRoom, \.userMayCreateRoom) {
            try await ask(entry, denial: "You are not permitted to create rooms") {
                try await $0(user, configuration)
            }
        }
    }

    /// Asks whether `user` may give a room an alias; application services are not asked about.
    package func userMayCreateRoomAlias(user: UserID, alias: RoomAlias) async throws {
        for entry in entries(.userMayCreateRoomAlias, \.userMayCreateRoomAlias) {
            try await ask(entry, denial: "This user is not permitted to create this alias") {
                try await $0(user, alias)
            }
        }
    }

    /// Asks whether `user` may put a room on the list of rooms, or take it off.
    package func userMayPublishRoom(user: UserID, room: RoomID) async throws {
        for entry in entries(.userMayPublishRoom, \.userMayPublishRoom) {
            try await ask(entry, denial: "This user is not permitted to publish rooms to the room list") {
                try await $0(user, room)
            }
        }
    }

    // MARK: Accounts

    /// Whether a user is kept out of what `searcher` found in the user directory.
    package func checkUsernameForSpam(_ profile: DirectoryProfile, searcher: UserID) async throws -> Bool {
        for entry in entries(.checkUsernameForSpam, \.checkUsernameForSpam) {
            let answer = try await runner.call(entry.target) { try await entry.callback(profile, searcher) }
            if answer == .hide { return true }
        }
        return false
    }

    /// Asks whether an account may be made.
    /// - Returns: Whether it is to be shadow-banned.
    package func checkRegistrationForSpam(_ attempt: RegistrationAttempt) async throws -> Bool {
        let denial = MatrixError(status: 429, code: .unknown, message: "Rate limited")
        for entry in entries(.checkRegistrationForSpam, \.checkRegistrationForSpam) {
            let answer = try await runner.call(entry.target, denial: { $0 == .deny ? denial : nil }) {
                try await entry.callback(attempt)
            }
            if answer == .shadowBan { return true }
        }
        return false
    }

    /// Asks whether somebody who has shown who they are may log in.
    package func checkLoginForSpam(_ attempt: LoginAttempt) async throws {
        for entry in entries(.checkLoginForSpam, \.checkLoginForSpam) {
            try await ask(entry, denial: "Login was blocked by the server") { try await $0(attempt) }
        }
    }

    // MARK: Media

    /// Asks whether a file may be kept.
    /// - Parameter isUpload: Whether the client sent it, rather than wanted it.
    package func checkMediaFileForSpam(_ file: MediaFile, _ info: MediaFileInfo, isUpload: Bool) async throws {
        for entry in entries(.checkMediaFileForSpam, \.checkMediaFileForSpam) {
            let denial = { (answer: SpamAnswer) -> MatrixError? in
                guard case .deny(let code, _, _) = answer else { return nil }
                return isUpload
                    ? MatrixError(status: 400, code: .unknown, message: "Bad content")
                    : MatrixError(status: 404, code: code, message: "Bad content")
            }
            _ = try await runner.call(entry.target, denial: denial) { try await entry.callback(file, info) }
        }
    }

    private func ask<Callback>(
        _ entry: Entry<Callback>, denial text: String,
        _ body: @escaping @Sendable (Callback) async throws -> SpamAnswer
    ) async throws {
        _ = try await runner.call(entry.target, denial: { $0.error(text: text) }) { try await body(entry.callback) }
    }
}

extension SpamAnswer {
    /// What the client gets; `nil` if this allows.
    fileprivate func error(text: String) -> MatrixError? {
        switch self {
        case .allow: nil
        case .deny(let code, let message, let fields):
            MatrixError(status: 403, code: code, message: message ?? text, fields: fields)
        }
    }
}
