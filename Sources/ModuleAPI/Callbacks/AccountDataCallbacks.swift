public import MatrixCore

/// Callbacks about what clients keep on the server: Synapse's
/// [account data callbacks](https://element-hq.github.io/synapse/latest/modules/account_data_callbacks.html).
public struct AccountDataCallbacks: Sendable {
    /// Hears of account data that was written, `on_account_data_updated` (Synapse 1.57); `room` is `nil` for global data.
    ///
    /// Deleted data has no content. Not called for tags, push rules and read markers. All modules are told, and the client
    /// waits for them; an error only reaches the log.
    public typealias OnAccountDataUpdated =
        @Sendable (
            _ user: UserID, _ room: RoomID?, _ type: String, _ content: JSONObject
        ) async throws -> Void

    public var onAccountDataUpdated: OnAccountDataUpdated?

    public init(onAccountDataUpdated: OnAccountDataUpdated? = nil) {
        self.onAccountDataUpdated = onAccountDataUpdated
    }
}
