import MatrixCore
import ModuleAPI

/// Spam checkers.
extension CallbackProxy {
    func registerSpamChecker(_ context: any ModuleContext) -> Bool {
        var checker = SpamChecker()
        switch registration.label.callback {
        case "check_event_for_spam":
            checker.checkEventForSpam = { event in try await spamAnswer { $0.append(event) } }
        case "should_drop_federated_event":
            checker.shouldDropFederatedEvent = { event in
                let answer = try await ask { $0.append(event) }
                return answer == .bool(true) ? .drop : .accept
            }
        case "user_may_send_state_event":
            checker.userMaySendStateEvent = { user, room, key, content in
                try await spamAnswer {
                    $0.append(user)
                    $0.append(room)
                    $0.append(key.type.string)
                    $0.append(key.key)
                    $0.append(content)
                }
            }
        case "user_may_join_room":
            checker.userMayJoinRoom = { user, room, isInvited in
                try await spamAnswer {
                    $0.append(user)
                    $0.append(room)
                    $0.append(isInvited)
                }
            }
        case "user_may_invite":
            checker.userMayInvite = { inviter, invitee, room in
                try await spamAnswer {
                    $0.append(inviter)
                    $0.append(invitee)
                    $0.append(room)
                }
            }
        case "federated_user_may_invite":
            checker.federatedUserMayInvite = { event in try await spamAnswer { $0.append(event) } }
        case "user_may_send_3pid_invite":
            checker.userMaySendThreepidInvite = { inviter, invitee, room in
                try await spamAnswer {
                    $0.append(inviter)
                    $0.append(invitee.medium)
                    $0.append(invitee.address)
                    $0.append(room)
                }
            }
        case "user_may_create_room":
            checker.userMayCreateRoom = { user, configuration in
                try await spamAnswer {
                    $0.append(user)
                    $0.append(configuration)
                }
            }
        case "user_may_create_room_alias":
            checker.userMayCreateRoomAlias = { user, alias in
                try await spamAnswer {
                    $0.append(user)
                    $0.append(["$alias": .string(alias.string)] as JSONObject)
                }
            }
        case "user_may_publish_room":
            checker.userMayPublishRoom = { user, room in
                try await spamAnswer {
                    $0.append(user)
                    $0.append(room)
                }
            }
        case "check_username_for_spam": checker.checkUsernameForSpam = checkUsername
        case "check_registration_for_spam": checker.checkRegistrationForSpam = checkRegistration
        case "check_login_for_spam": checker.checkLoginForSpam = checkLogin
        case "check_media_file_for_spam": checker.checkMediaFileForSpam = checkMediaFile
        default: return false
        }
        context.register(checker)
        return true
    }

    /// `"allow"` or `{"deny": {"errcode", "error"?, "fields"}}`.
    private func spamAnswer(_ write: (inout ArgumentWriter) -> Void) async throws -> SpamAnswer {
        guard let answer = try await ask(write) else { return .allow }
        if case .string("allow") = answer { return .allow }
        guard let denial = answer["deny"]?.objectValue else { throw Self.unusable(answer, registration.label) }
        return .deny(
            code: denial.string("errcode").map { ErrorCode($0) } ?? .forbidden, message: denial.string("error"),
            fields: denial.object("fields") ?? [:])
    }

    @Sendable private func checkUsername(
        _ profile: DirectoryProfile, _ searcher: UserID
    ) async throws -> DirectoryAnswer {
        let object: JSONObject = [
            "user_id": .string(profile.user.string), "display_name": JSON(profile.displayName),
            "avatar_url": JSON(profile.avatarURL),
        ]
        let answer = try await ask {
            $0.append(object)
            $0.append(searcher)
        }
        return answer == .bool(true) ? .hide : .show
    }

    @Sendable private func checkRegistration(_ attempt: RegistrationAttempt) async throws -> RegistrationAnswer {
        let answer = try await ask {
            $0.append(
                attempt.email.map { email in
                    [
                        "medium": .string(email.medium), "address": .string(email.address),
                        "validated_at": JSON(attempt.emailValidatedAt),
                    ]
                } ?? JSON.null)
            $0.append(attempt.username)
            $0.append(Self.origins(attempt.origins))
            $0.append(attempt.authProviderID)
        }
        switch answer {
        case nil, .string("allow")?: return .allow
        case .string("deny")?: return .deny
        case .string("shadow_ban")?: return .shadowBan
        default: throw Self.unusable(answer, registration.label)
        }
    }

    @Sendable private func checkLogin(_ attempt: LoginAttempt) async throws -> SpamAnswer {
        try await spamAnswer {
            $0.append(attempt.user)
            $0.append(attempt.device?.string)
            $0.append(attempt.initialDisplayName)
            $0.append(Self.origins(attempt.origins))
            $0.append(attempt.authProviderID)
        }
    }

    private static func origins(_ origins: [RequestOrigin]) -> JSON {
        .array(origins.map { [JSON($0.userAgent), .string($0.address)] })
    }

    /// The host reads the file itself.
    @Sendable private func checkMediaFile(_ file: MediaFile, _ info: MediaFileInfo) async throws -> SpamAnswer {
        let thumbnail: JSON? = info.thumbnail.map { thumbnail in
            [
                "width": .integer(Int64(thumbnail.width)), "height": .integer(Int64(thumbnail.height)),
                "method": .string(thumbnail.method), "type": .string(thumbnail.type),
                "length": .integer(thumbnail.length),
            ]
        }
        let (file, about): (JSONObject, JSONObject) = (
            ["$file": ["path": .string(file.path)]],
            [
                "$file_info": [
                    "server_name": JSON(info.server?.string), "file_id": .string(info.fileID),
                    "url_cache": .bool(info.isURLCache), "thumbnail": thumbnail ?? .null,
                ]
            ]
        )
        return try await spamAnswer {
            $0.append(file)
            $0.append(about)
        }
    }
}
