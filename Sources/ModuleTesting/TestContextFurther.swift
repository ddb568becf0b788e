public import MatrixCore
public import ModuleAPI

/// Account data, presence, federation, rate limits, what clients are told of events.
extension TestContext {
    public func onAccountDataUpdated(
        _ user: UserID, room: RoomID? = nil, type: String, content: JSONObject
    ) async throws {
        let callbacks = try callbacks("on_account_data_updated", \.accountDataCallbacks, \.onAccountDataUpdated)
        for callback in callbacks { try await callback(user, room, type, content) }
    }

    public func getUsersForStates(
        _ states: [UserPresenceState]
    ) async throws -> [UserID: Set<UserPresenceState>] {
        var users: [UserID: Set<UserPresenceState>] = [:]
        for callback in try callbacks("get_users_for_states", \.presenceRouters, { $0.getUsersForStates }) {
            users.merge(try await callback(states)) { $0.union($1) }
        }
        return users
    }

    public func getInterestedUsers(_ user: UserID) async throws -> PresenceInterest {
        var users: Set<UserID> = []
        for callback in try callbacks("get_interested_users", \.presenceRouters, { $0.getInterestedUsers }) {
            switch try await callback(user) {
            case .all: return .all
            case .users(let more): users.formUnion(more)
            }
        }
        return .users(users)
    }

    public func onEventDeliveredOverFederation(_ delivery: FederatedDelivery) async throws {
        let callbacks = try callbacks(
            "on_event_delivered_over_federation", \.federationCallbacks, \.onEventDeliveredOverFederation)
        for callback in callbacks { try await callback(delivery) }
    }

    public func getRatelimitOverride(for user: UserID, limiter: String) async throws -> RateLimitOverride? {
        try await ask(
            callbacks(
                "get_ratelimit_override_for_user", \.rateLimitCallbacks, \.getRatelimitOverrideForUser),
            passing: RateLimitOverride?.none
        ) { try await $0(user, limiter) }
    }

    /// The fields that modules add to an event's `unsigned`.
    public func extraUnsignedFields(of event: Event) async throws -> JSONObject {
        var fields: JSONObject = [:]
        for callback in try callbacks(
            "add_field_to_unsigned_callback", \.extraUnsignedFields, \.addFieldToUnsigned)
        {
            for (key, value) in try await callback(event) { fields[key] = value }
        }
        return fields
    }
}

/// The media repository and the pace of long work.
extension TestContext {
    public func getMediaConfig(for user: UserID) async throws -> JSONObject? {
        for callback in try media("get_media_config_for_user", \.getMediaConfigForUser) {
            if let configuration = try await callback(user), !configuration.isEmpty { return configuration }
        }
        return nil
    }

    public func isUserAllowedToUploadMedia(of size: Int64, by user: UserID) async throws -> RuleAnswer {
        try await ask(
            media("is_user_allowed_to_upload_media_of_size", \.isUserAllowedToUploadMediaOfSize), passing: .allow
        ) { try await $0(user, size) }
    }

    public func getMediaUploadLimits(for user: UserID) async throws -> [MediaUploadLimit]? {
        try await ask(
            media("get_media_upload_limits_for_user", \.getMediaUploadLimitsForUser),
            passing: [MediaUploadLimit]?.none
        ) { try await $0(user) }
    }

    public func onMediaUploadLimitExceeded(_ user: UserID, _ upload: ExceedingUpload) async throws {
        for callback in try media("on_media_upload_limit_exceeded", \.onMediaUploadLimitExceeded) {
            try await callback(user, upload)
        }
    }

    private func media<Callback: Sendable>(
        _ name: String, _ callback: (MediaRepositoryCallbacks) -> Callback?
    ) throws -> [Callback] {
        try callbacks(name, \.mediaRepositoryCallbacks, callback)
    }

    /// Lets a piece of work begin and end.
    /// - Returns: How long it should take.
    public func onBackgroundUpdate(
        _ update: BackgroundUpdate, _ work: () async throws -> Void = {}
    ) async throws -> Duration {
        let callback = try callbacks("on_update", \.backgroundUpdateControllers, { $0.onUpdate })[0]
        let turn = try await callback(update)
        try await work()
        try await turn.onEnd()
        return turn.duration
    }

    public func defaultBatchSize(of update: BackgroundUpdate) async throws -> Int {
        try await callbacks("default_batch_size", \.backgroundUpdateControllers, \.defaultBatchSize)[0](update)
    }

    public func minimumBatchSize(of update: BackgroundUpdate) async throws -> Int {
        try await callbacks("min_batch_size", \.backgroundUpdateControllers, \.minimumBatchSize)[0](update)
    }
}
