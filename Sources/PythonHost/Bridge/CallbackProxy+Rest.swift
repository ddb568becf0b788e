import MatrixCore
import ModuleAPI

/// Presence, account data, media, rate limits, events as clients see them, federation, background updates.
extension CallbackProxy {
    func registerRest(_ context: any ModuleContext) -> Bool {
        switch registration.label.callback {
        // These come in several notes and are registered once the module is made.
        case "get_users_for_states", "get_interested_users", "on_update", "default_batch_size", "min_batch_size": break
        case "on_account_data_updated":
            context.register(
                AccountDataCallbacks { user, room, type, content in
                    try await tell {
                        $0.append(user)
                        $0.append(room?.string)
                        $0.append(type)
                        $0.append(content)
                    }
                })
        case "get_ratelimit_override_for_user":
            context.register(
                RateLimitCallbacks { user, limiter in
                    let answer = try await ask {
                        $0.append(user)
                        $0.append(limiter)
                    }
                    guard let answer, !answer.isNull else { return nil }
                    guard let rate = answer["per_second"]?.numberValue, let burst = answer["burst_count"]?.numberValue
                    else { throw Self.unusable(answer, registration.label) }
                    return RateLimitOverride(perSecond: rate, burstCount: Int(max(0, min(burst, 1e9))))
                })
        case "add_field_to_unsigned_callback":
            context.register(
                ExtraUnsignedFields { event in
                    guard let answer = try await ask({ $0.append(event) }) else { return [:] }
                    guard let fields = answer.objectValue else { throw Self.unusable(answer, registration.label) }
                    return fields
                })
        case "on_event_delivered_over_federation":
            context.register(
                FederationCallbacks { delivery in
                    try await tell { writer in
                        writer.append(Self.delivery(delivery))
                    }
                })
        default: return registerMedia(context)
        }
        return true
    }

    /// An event as the protocol writes it, for places where several stand in a list.
    private static func eventObject(_ event: Event) -> JSON {
        [
            "event_id": .string(event.eventID.string), "room_id": .string(event.roomID.string),
            "room_version": .string(event.version.id), "pdu": .object(event.object), "rejected_reason": .null,
            "internal_metadata": [:],
        ]
    }

    private static func delivery(_ delivery: FederatedDelivery) -> JSONObject {
        [
            "$delivery": [
                "server_name": .string(delivery.server.string), "method": .string(delivery.method.rawValue),
                "events": .array(delivery.events.map(eventObject)),
            ]
        ]
    }

    // MARK: Media

    private func registerMedia(_ context: any ModuleContext) -> Bool {
        var callbacks = MediaRepositoryCallbacks()
        switch registration.label.callback {
        case "get_media_config_for_user":
            callbacks.getMediaConfigForUser = { user in try await ask { $0.append(user) }?.objectValue }
        case "is_user_allowed_to_upload_media_of_size":
            callbacks.isUserAllowedToUploadMediaOfSize = { user, size in
                ruleAnswer(
                    try await ask {
                        $0.append(user)
                        $0.append(size)
                    })
            }
        case "get_media_upload_limits_for_user":
            callbacks.getMediaUploadLimitsForUser = { user in
                let answer = try await ask { $0.append(user) }
                guard let answer, !answer.isNull else { return nil }
                guard let list = answer.arrayValue else { throw Self.unusable(answer, registration.label) }
                return try list.map { limit in
                    guard let bytes = limit["max_bytes"]?.numberValue, let period = limit["time_period_ms"]?.numberValue
                    else { throw Self.unusable(answer, registration.label) }
                    return MediaUploadLimit(
                        maximumBytes: Int64(max(0, min(bytes, 9e15))),
                        period: .milliseconds(Int64(max(0, min(period, 9e15)))),
                        infoURI: limit["info_uri"]?.stringValue, canUpgrade: limit["can_upgrade"]?.boolValue ?? false)
                }
            }
        case "on_media_upload_limit_exceeded":
            callbacks.onMediaUploadLimitExceeded = { user, upload in
                try await tell {
                    $0.append(user)
                    $0.append(Self.limitObject(upload.limit))
                    $0.append(upload.sentBytes)
                    $0.append(upload.attemptedBytes)
                }
            }
        default: return false
        }
        context.register(callbacks)
        return true
    }

    private static func limitObject(_ limit: MediaUploadLimit) -> JSONObject {
        [
            "$upload_limit": [
                "max_bytes": .integer(limit.maximumBytes), "time_period_ms": .integer(limit.period.inMilliseconds),
                "info_uri": JSON(limit.infoURI), "can_upgrade": .bool(limit.canUpgrade),
            ]
        ]
    }

    // MARK: What comes in several notes

    /// Registers what a module has registered piece by piece.
    /// - Parameter registrations: All that the module has registered, in order.
    static func finish(_ registrations: [Registration], host: PythonModules, _ context: any ModuleContext) {
        func proxies(_ name: String) -> [CallbackProxy] {
            registrations.filter { $0.label.callback == name && $0.markFinished() }
                .map { CallbackProxy(host: host, registration: $0) }
        }
        for (states, interested) in zip(proxies("get_users_for_states"), proxies("get_interested_users")) {
            context.register(
                PresenceRouter(
                    getUsersForStates: states.usersForStates, getInterestedUsers: interested.interestedUsers))
        }
        let (defaults, minima) = (proxies("default_batch_size"), proxies("min_batch_size"))
        for update in proxies("on_update") {
            let (standard, minimum) = (defaults.first, minima.first)
            context.register(
                BackgroundUpdateController(
                    onUpdate: update.onUpdate,
                    defaultBatchSize: standard.map(\.batchSize), minimumBatchSize: minimum.map(\.batchSize)))
        }
    }

    private func usersForStates(_ states: [UserPresenceState]) async throws -> [UserID: Set<UserPresenceState>] {
        let answer = try await ask {
            $0.append(.array(states.map { ["$presence": Self.presenceObject($0)] }))
        }
        var users: [UserID: Set<UserPresenceState>] = [:]
        for (name, list) in answer?.objectValue ?? [:] {
            guard let user = UserID(name) else { continue }
            users[user, default: []].formUnion((list.arrayValue ?? []).compactMap(Self.presence))
        }
        return users
    }

    private func interestedUsers(_ user: UserID) async throws -> PresenceInterest {
        let answer = try await ask { $0.append(user) }
        if case .string("ALL") = answer { return .all }
        return .users(Set((answer?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { UserID($0) } }))
    }

    private static func presenceObject(_ state: UserPresenceState) -> JSON {
        [
            "user_id": .string(state.user.string), "state": .string(state.state.string),
            "last_active_ts": .integer(state.lastActive.milliseconds),
            "last_federation_update_ts": .integer(state.lastFederationUpdate.milliseconds),
            "last_user_sync_ts": .integer(state.lastUserSync.milliseconds),
            "status_msg": JSON(state.statusMessage), "currently_active": .bool(state.isCurrentlyActive),
        ]
    }

    private static func presence(_ json: JSON) -> UserPresenceState? {
        guard let user = json["user_id"]?.stringValue.flatMap({ UserID($0) }), let state = json["state"]?.stringValue
        else { return nil }
        func time(_ key: String) -> Timestamp { Timestamp(milliseconds: json[key]?.integerValue ?? 0) }
        return UserPresenceState(
            user: user, state: PresenceState(state), lastActive: time("last_active_ts"),
            lastFederationUpdate: time("last_federation_update_ts"), lastUserSync: time("last_user_sync_ts"),
            statusMessage: json["status_msg"]?.stringValue,
            isCurrentlyActive: json["currently_active"]?.boolValue ?? false)
    }

    /// `{"duration_ms", "exit": number or null}`; the number is called, once, when the work is done.
    private func onUpdate(_ update: BackgroundUpdate) async throws -> BackgroundUpdateTurn {
        let session = try await host.session()
        let answer = try await ask {
            $0.append(update.name)
            $0.append(update.database)
            $0.append(update.isOneShot)
        }
        let milliseconds = Int64(max(0, min(answer?["duration_ms"]?.numberValue ?? 100, 86_400_000)))
        guard let identifier = answer?["exit"]?.integerValue else {
            return BackgroundUpdateTurn(duration: .milliseconds(milliseconds))
        }
        let label = CallLabel(module: registration.label.module, callback: "background_update_exit")
        return BackgroundUpdateTurn(duration: .milliseconds(milliseconds)) {
            _ = try await host.failing {
                try await session.callback(identifier, label, Array("[]".utf8), state: nil)
            }
        }
    }

    private var batchSize: BackgroundUpdateController.BatchSize {
        { update in
            let answer = try await ask {
                $0.append(update.name)
                $0.append(update.database)
            }
            return answer?.integerValue.map { Int(clamping: $0) } ?? 100
        }
    }
}
