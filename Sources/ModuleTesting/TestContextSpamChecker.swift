public import MatrixCore
public import ModuleAPI

extension TestContext {
    public func checkEventForSpam(_ event: Event) async throws -> SpamAnswer {
        try await ask(spam("check_event_for_spam", \.checkEventForSpam), passing: .allow) { try await $0(event) }
    }

    public func shouldDropFederatedEvent(_ event: Event) async throws -> FederatedEventAnswer {
        try await ask(spam("should_drop_federated_event", \.shouldDropFederatedEvent), passing: .accept) {
            try await $0(event)
        }
    }

    public func userMaySendStateEvent(
        _ user: UserID, _ key: StateKey, _ content: JSONObject, in room: RoomID = .testRoom
    ) async throws -> SpamAnswer {
        try await ask(spam("user_may_send_state_event", \.userMaySendStateEvent), passing: .allow) {
            try await $0(user, room, key, content)
        }
    }

    public func userMayJoinRoom(
        _ user: UserID, _ room: RoomID = .testRoom, isInvited: Bool = false
    ) async throws -> SpamAnswer {
        try await ask(spam("user_may_join_room", \.userMayJoinRoom), passing: .allow) {
            try await $0(user, room, isInvited)
        }
    }

    public func userMayInvite(
        _ inviter: UserID, _ invitee: UserID, to room: RoomID = .testRoom
    ) async throws -> SpamAnswer {
        try await ask(spam("user_may_invite", \.userMayInvite), passing: .allow) {
            try await $0(inviter, invitee, room)
        }
    }

    public func federatedUserMayInvite(_ event: Event) async throws -> SpamAnswer {
        try await ask(spam("federated_user_may_invite", \.federatedUserMayInvite), passing: .allow) {
            try await $0(event)
        }
    }

    public func userMaySendThreepidInvite(
        _ inviter: UserID, _ invitee: ThreepidAddress, to room: RoomID = .testRoom
    ) async throws -> SpamAnswer {
        try await ask(spam("user_may_send_3pid_invite", \.userMaySendThreepidInvite), passing: .allow) {
            try await $0(inviter, invitee, room)
        }
    }

    public func userMayCreateRoom(_ user: UserID, _ configuration: JSONObject = [:]) async throws -> SpamAnswer {
        try await ask(spam("user_may_create_room", \.userMayCreateRoom), passing: .allow) {
            try await $0(user, configuration)
        }
    }

    public func userMayCreateRoomAlias(_ user: UserID, _ alias: RoomAlias) async throws -> SpamAnswer {
        try await ask(spam("user_may_create_room_alias", \.userMayCreateRoomAlias), passing: .allow) {
            try await $0(user, alias)
        }
    }

    public func userMayPublishRoom(_ user: UserID, _ room: RoomID = .testRoom) async throws -> SpamAnswer {
        try await ask(spam("user_may_publish_room", \.userMayPublishRoom), passing: .allow) {
            try await $0(user, room)
        }
    }

    public func checkUsernameForSpam(
        _ profile: DirectoryProfile, searcher: UserID = .alice
    ) async throws -> DirectoryAnswer {
        try await ask(spam("check_username_for_spam", \.checkUsernameForSpam), passing: .show) {
            try await $0(profile, searcher)
        }
    }

    public func checkRegistrationForSpam(_ attempt: RegistrationAttempt) async throws -> RegistrationAnswer {
        try await ask(spam("check_registration_for_spam", \.checkRegistrationForSpam), passing: .allow) {
            try await $0(attempt)
        }
    }

    public func checkLoginForSpam(_ attempt: LoginAttempt) async throws -> SpamAnswer {
        try await ask(spam("check_login_for_spam", \.checkLoginForSpam), passing: .allow) { try await $0(attempt) }
    }

    /// Asks about a file with these bytes.
    public func checkMediaFileForSpam(
        _ bytes: [UInt8], _ info: MediaFileInfo = MediaFileInfo(fileID: "file")
    ) async throws -> SpamAnswer {
        let file = MediaFile(path: "/nowhere/\(info.fileID)") { offset, count in
            Array(bytes.dropFirst(Int(offset)).prefix(count))
        }
        return try await ask(spam("check_media_file_for_spam", \.checkMediaFileForSpam), passing: .allow) {
            try await $0(file, info)
        }
    }

    private func spam<Callback: Sendable>(
        _ name: String, _ callback: (SpamChecker) -> Callback?
    ) throws -> [Callback] {
        try callbacks(name, \.spamCheckers, callback)
    }
}
