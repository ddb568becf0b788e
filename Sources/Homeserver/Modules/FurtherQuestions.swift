import Logging
package import MatrixCore
package import ModuleAPI

/// Account data, federation, rate limits, and what clients are told of events.
extension ModuleRegistry {
    /// Tells every module of account data that was written; deleted data has no content.
    /// - Parameter room: `nil` for global data.
    package func onAccountDataUpdated(user: UserID, room: RoomID?, type: String, content: JSONObject) async {
        for entry in entries(.onAccountDataUpdated, \.onAccountDataUpdated) {
            await runner.notify(entry.target) { try await entry.callback(user, room, type, content) }
        }
    }

    /// Tells every module of events that another server got. Nobody is told of none.
    package func onEventDeliveredOverFederation(_ delivery: FederatedDelivery) async {
        guard !delivery.events.isEmpty else { return }
        for entry in entries(.onEventDeliveredOverFederation, \.onEventDeliveredOverFederation) {
            await runner.notify(entry.target) { try await entry.callback(delivery) }
        }
    }

    /// The limit that the first module with an opinion wants for a user; `nil` leaves it to the configuration.
    /// - Parameter limiter: `rc_invites.per_room`, `rc_invites.per_user` or `rc_invites.per_issuer`.
    /// - Throws: `MatrixError` if a module fails.
    package func getRatelimitOverride(for user: UserID, limiter: String) async throws -> RateLimitOverride? {
        for entry in entries(.getRatelimitOverrideForUser, \.getRatelimitOverrideForUser) {
            let limit = try await runner.call(entry.target) { try await entry.callback(user, limiter) }
            if let limit { return limit }
        }
        return nil
    }

    /// Further fields for an event's `unsigned`. The server's own fields win over them.
    /// - Throws: `MatrixError` if a module fails.
    package func extraUnsignedFields(of event: Event) async throws -> JSONObject {
        var fields: JSONObject = [:]
        for entry in entries(.addFieldToUnsigned, \.addFieldToUnsigned) {
            let more = try await runner.call(entry.target) { try await entry.callback(event) }
            for (key, value) in more { fields[key] = value }
        }
        return fields
    }
}

/// The media repository. All throw a `MatrixError` if a module fails.
extension ModuleRegistry {
    /// What a client is told of the media repository in place of the server's own words; `nil` for these.
    package func getMediaConfig(for user: UserID) async throws -> JSONObject? {
        for entry in entries(.getMediaConfigForUser, \.getMediaConfigForUser) {
            let configuration = try await runner.call(entry.target) { try await entry.callback(user) }
            if let configuration, !configuration.isEmpty { return configuration }
        }
        return nil
    }

    /// Asks whether a user may upload a file so large, which the server itself allows.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func isUserAllowedToUploadMedia(of size: Int64, by user: UserID) async throws {
        let denial = MatrixError(status: 413, code: .tooLarge, message: "Upload request body is too large")
        for entry in entries(.isUserAllowedToUploadMediaOfSize, \.isUserAllowedToUploadMediaOfSize) {
            _ = try await runner.call(entry.target, denial: { $0 == .deny ? denial : nil }) {
                try await entry.callback(user, size)
            }
        }
    }

    /// How much a user may upload, by the first module that knows, longest period first; `nil` leaves it to the
    /// configuration.
    package func getMediaUploadLimits(for user: UserID) async throws -> [MediaUploadLimit]? {
        for entry in entries(.getMediaUploadLimitsForUser, \.getMediaUploadLimitsForUser) {
            let limits = try await runner.call(entry.target) { try await entry.callback(user) }
            if let limits { return limits.sorted { $0.period > $1.period } }
        }
        return nil
    }

    /// Tells the modules of an upload that is about to be refused, in order.
    package func onMediaUploadLimitExceeded(_ user: UserID, _ upload: ExceedingUpload) async throws {
        for entry in entries(.onMediaUploadLimitExceeded, \.onMediaUploadLimitExceeded) {
            try await runner.call(entry.target) { try await entry.callback(user, upload) }
        }
    }
}

/// The pace of long work on the server's own tables. A controller that fails is not asked about that piece.
extension ModuleRegistry {
    /// Waits for the controller to let the next piece of work begin.
    /// - Returns: How long it should take, and what to call when it is done; `nil` if there is no controller.
    /// - Throws: `CancellationError`.
    package func onBackgroundUpdate(_ update: BackgroundUpdate) async throws -> BackgroundUpdateTurn? {
        guard let entry = entries(.onBackgroundUpdate, \.onBackgroundUpdate).first else { return nil }
        let turn = try await runner.attempt(entry.target, logging: .error) { try await entry.callback(update) }
        return turn.map { turn in
            BackgroundUpdateTurn(duration: turn.duration) { [runner] in
                await runner.notify(entry.target) { try await turn.onEnd() }
            }
        }
    }

    /// How many rows to begin with; `nil` leaves it to the server.
    /// - Throws: `CancellationError`.
    package func defaultBatchSize(of update: BackgroundUpdate) async throws -> Int? {
        guard let entry = entries(.defaultBatchSize, \.defaultBatchSize).first else { return nil }
        return try await runner.attempt(entry.target, logging: .error) { max(1, try await entry.callback(update)) }
    }

    /// How many rows to do at least; `nil` leaves it to the configuration.
    /// - Throws: `CancellationError`.
    package func minimumBatchSize(of update: BackgroundUpdate) async throws -> Int? {
        guard let entry = entries(.minimumBatchSize, \.minimumBatchSize).first else { return nil }
        return try await runner.attempt(entry.target, logging: .error) { max(1, try await entry.callback(update)) }
    }
}
