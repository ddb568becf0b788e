import MatrixCore
import ModuleAPI

extension Puppet {
    func spamChecker(_ names: Set<String>) -> SpamChecker {
        var checker = SpamChecker()
        for name in names {
            switch name {
            case "check_event_for_spam": checker.checkEventForSpam = { try await self.spam(name, .event($0)) }
            case "should_drop_federated_event":
                checker.shouldDropFederatedEvent = {
                    try await self.rule(name, .event($0)) == .deny ? .drop : .accept
                }
            case "user_may_send_state_event":
                checker.userMaySendStateEvent = { user, room, key, content in
                    try await self.spam(
                        name, .id(user), .id(room), .id(key.type), .string(key.key), .object(content))
                }
            case "user_may_join_room":
                checker.userMayJoinRoom = { try await self.spam(name, .id($0), .id($1), .bool($2)) }
            case "user_may_invite":
                checker.userMayInvite = { try await self.spam(name, .id($0), .id($1), .id($2)) }
            case "federated_user_may_invite":
                checker.federatedUserMayInvite = { try await self.spam(name, .event($0)) }
            case "user_may_send_3pid_invite":
                checker.userMaySendThreepidInvite = {
                    try await self.spam(name, .id($0), .string($1.medium), .string($1.address), .id($2))
                }
            case "user_may_create_room":
                checker.userMayCreateRoom = { try await self.spam(name, .id($0), .object($1)) }
            case "user_may_create_room_alias":
                checker.userMayCreateRoomAlias = { try await self.spam(name, .id($0), ["id": .id($1)]) }
            case "user_may_publish_room":
                checker.userMayPublishRoom = { try await self.spam(name, .id($0), .id($1)) }
            default: further(name, &checker)
            }
        }
        return checker
    }

    private func further(_ name: String, _ checker: inout SpamChecker) {
        switch name {
        case "check_username_for_spam":
            checker.checkUsernameForSpam = { profile, searcher in
                let shown: JSON = [
                    "user_id": .id(profile.user), "display_name": .text(profile.displayName),
                    "avatar_url": .text(profile.avatarURL),
                ]
                return try await self.rule(name, shown, .id(searcher)) == .deny ? .hide : .show
            }
        case "check_registration_for_spam":
            checker.checkRegistrationForSpam = { attempt in
                let told = try await self.result(
                    name, attempt.email.map(JSON.threepid) ?? .null, .text(attempt.username),
                    .origins(attempt.origins), .text(attempt.authProviderID))
                return switch told?.stringValue {
                case "deny": .deny
                case "shadow_ban": .shadowBan
                default: .allow
                }
            }
        case "check_login_for_spam":
            checker.checkLoginForSpam = { attempt in
                try await self.spam(
                    name, .id(attempt.user), .id(attempt.device), .text(attempt.initialDisplayName),
                    .origins(attempt.origins), .text(attempt.authProviderID))
            }
        case "check_media_file_for_spam":
            checker.checkMediaFileForSpam = { file, info in try await self.spam(name, .string(info.fileID)) }
        default: break
        }
    }
}
