package import MatrixCore
import Storage

// Member events that clients set as state.
extension MembershipService {
    /// Does what a member event that a client sets as state asks for.
    func setMemberEvent(
        of target: String, content: JSONObject, in room: RoomID, by requester: Requester
    ) async throws -> EventID {
        guard target.utf8.first == UInt8(ascii: "@") else {
            throw MatrixError.invalidParam("Expected UserID string to start with '@'")
        }
        guard let target = UserID(target) else { throw MatrixError.invalidParam("Invalid user ID") }
        guard let name = content.string("membership") else {
            throw MatrixError.unknown("Invalid membership (must be a string)")
        }
        guard let membership = Membership(rawValue: name) else { throw MatrixError.unknown("Invalid membership key") }
        try Self.checkProfile(content)
        var rest = content
        rest["membership"] = nil
        // Servers decide whose name lets a user in, never the user.
        rest["join_authorised_via_users_server"] = nil
        let action = try await action(to: membership, of: target, in: room, by: requester)
        guard let event = try await apply(Change(action, of: target, content: rest), in: room, by: requester) else {
            throw MatrixError.internalError
        }
        return event
    }

    /// The longest name and avatar, in characters.
    private static let profileLimits = [("displayname", "Displayname", 256), ("avatar_url", "Avatar URL", 1_000)]

    private static func checkProfile(_ content: JSONObject) throws {
        for (key, name, limit) in profileLimits {
            guard let value = content[key], !value.isNull else { continue }
            guard let text = value.stringValue else { throw MatrixError.badJSON("'\(key)' not a string type") }
            if text.unicodeScalars.count > limit {
                throw MatrixError.badJSON("\(name) is too long (max \(limit))")
            }
        }
    }

    private func action(
        to membership: Membership, of target: UserID, in room: RoomID, by requester: Requester
    ) async throws -> Action {
        switch membership {
        case .join: return .join
        case .invite: return .invite
        case .knock: return .knock
        case .ban: return .ban
        case .leave:
            if target == requester.user { return .leave }
            guard let handle = try await sender.states.room(room) else { throw Self.unknownRoom(.leave) }
            let current = try await sender.states.current(.member(target), in: handle)
            return current?.membership == .ban ? .unban : .kick
        }
    }
}

extension MembershipService: ProfileObserver {
    /// Puts a changed profile into the rooms the user is in. One that refuses keeps the old one.
    package func profileChanged(
        user: UserID, displayName: String?, avatarURL: String?, requester: Requester
    ) async {
        if requester.isShadowBanned { return (try? await shadowBan.wait()) ?? () }
        // In a task of its own: a client that hangs up is not to leave some rooms with the old profile.
        await Task { await putProfile(of: requester, user, displayName, avatarURL) }.value
    }

    private func putProfile(
        of requester: Requester, _ user: UserID, _ displayName: String?, _ avatarURL: String?
    ) async {
        guard let rooms = try? await joinedRooms(of: user) else { return }
        for room in rooms {
            guard let handle = try? await sender.states.room(room),
                let current = try? await sender.states.current(.member(user), in: handle), current.membership == .join
            else { continue }
            var content = current.content
            content["displayname"] = displayName.map { .string($0) }
            content["avatar_url"] = avatarURL.map { .string($0) }
            content["join_authorised_via_users_server"] = nil
            let intent = EventIntent(type: .member, stateKey: user.string, content: content, sender: user)
            do {
                if !requester.isAdmin {
                    try await modules.userMayJoinRoom(user: user, room: room, isInvited: false)
                }
                _ = try await sender.send(intent, to: handle)
            } catch {
                continue
            }
        }
    }
}
