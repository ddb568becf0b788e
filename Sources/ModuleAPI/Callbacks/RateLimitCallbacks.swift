public import MatrixCore

/// Callbacks about rate limits: Synapse's
/// [rate limit callbacks](https://element-hq.github.io/synapse/latest/modules/ratelimit_callbacks.html).
public struct RateLimitCallbacks: Sendable {
    /// What limit holds for a user, `get_ratelimit_override_for_user` (Synapse 1.132).
    ///
    /// Asked for the limiters `rc_invites.per_room`, `rc_invites.per_user` and `rc_invites.per_issuer`, of users without an
    /// override of their own. `nil` leaves it to the next module and at last to the configuration. An error fails the
    /// request: a `MatrixError` reaches the client as it is, any other becomes 500.
    public typealias GetOverride =
        @Sendable (_ user: UserID, _ limiter: String) async throws -> RateLimitOverride?

    public var getRatelimitOverrideForUser: GetOverride?

    public init(getRatelimitOverrideForUser: GetOverride? = nil) {
        self.getRatelimitOverrideForUser = getRatelimitOverrideForUser
    }
}

/// A limit in place of the configured one. Synapse's `RatelimitOverride`.
public struct RateLimitOverride: Hashable, Sendable {
    /// 0 means no limit.
    public var perSecond: Double
    public var burstCount: Int

    public init(perSecond: Double, burstCount: Int) {
        self.perSecond = perSecond
        self.burstCount = burstCount
    }
}
