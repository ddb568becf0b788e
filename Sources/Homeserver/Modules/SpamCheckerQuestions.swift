package import MatrixCore
import ModuleAPI

/// The questions put to spam checkers. Modules are asked in order; the first that denies decides.
extension ModuleRegistry {
    /// Asks whether an event may be sent.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func checkEventForSpam(_ event: Event) async throws {
        guard has(.checkEventForSpam) else { return }
        for entry in entries({ $0.checkEventForSpam }) {
            try await ask(
                .init(module: entry.module, callback: .checkEventForSpam),
                denial: "This message has been rejected as probable spam"
            ) { try await entry.callback(event) }
        }
    }

    /// Asks whether `user` may join; administrators and a room's creator are not asked about.
    /// - Parameter isInvited: Whether an invite is pending.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func userMayJoinRoom(user: UserID, room: RoomID, isInvited: Bool) async throws {
        guard has(.userMayJoinRoom) else { return }
        for entry in entries({ $0.userMayJoinRoom }) {
            try await ask(
                .init(module: entry.module, callback: .userMayJoinRoom),
                denial: "Not allowed to join this room"
            ) { try await entry.callback(user, room, isInvited) }
        }
    }

    /// Asks whether a local user may invite; administrators are not asked about.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func userMayInvite(inviter: UserID, invitee: UserID, room: RoomID) async throws {
        guard has(.userMayInvite) else { return }
        for entry in entries({ $0.userMayInvite }) {
            try await ask(
                .init(module: entry.module, callback: .userMayInvite),
                denial: "Invites have been disabled on this server"
            ) { try await entry.callback(inviter, invitee, room) }
        }
    }

    /// Asks whether `user` may create a room; administrators are not asked about.
    /// - Parameter configuration: The body of the request, as ``onCreateRoom(requester:request:isAdmin:)`` left it.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func userMayCreateRoom(user: UserID, configuration: JSONObject) async throws {
        guard has(.userMayCreateRoom) else { return }
        for entry in entries({ $0.userMayCreateRoom }) {
            try await ask(
                .init(module: entry.module, callback: .userMayCreateRoom),
                denial: "You are not permitted to create rooms"
            ) { try await entry.callback(user, configuration) }
        }
    }

    private func ask(
        _ target: CallbackRunner.Target, denial text: String,
        _ body: @escaping @Sendable () async throws -> SpamAnswer
    ) async throws {
        _ = try await runner.call(target, denial: { $0.error(text: text) }, body)
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
