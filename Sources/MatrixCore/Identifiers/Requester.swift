/// Who makes a request: the user an access token stands for.
public struct Requester: Hashable, Sendable {
    public let user: UserID
    /// The device the token belongs to; `nil` for a token without one, such as a puppeted login by an administrator.
    public let device: DeviceID?
    /// The user's number in storage.
    public let accountNumber: Int64
    /// The access token's number in storage.
    public let tokenNumber: Int64?
    public let isGuest: Bool
    /// Whether the user administers this server.
    public let isAdmin: Bool
    /// Whether the user's events are accepted and shown to nobody else.
    public let isShadowBanned: Bool

    public init(
        user: UserID, device: DeviceID?, accountNumber: Int64, tokenNumber: Int64? = nil, isGuest: Bool = false,
        isAdmin: Bool = false, isShadowBanned: Bool = false
    ) {
        self.user = user
        self.device = device
        self.accountNumber = accountNumber
        self.tokenNumber = tokenNumber
        self.isGuest = isGuest
        self.isAdmin = isAdmin
        self.isShadowBanned = isShadowBanned
    }
}
