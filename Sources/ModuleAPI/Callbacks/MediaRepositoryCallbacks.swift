public import MatrixCore

/// Callbacks about uploads: Synapse's
/// [media repository callbacks](https://element-hq.github.io/synapse/latest/modules/media_repository_callbacks.html).
///
/// An error of any of them fails the request: a `MatrixError` reaches the client as it is, any other becomes 500.
public struct MediaRepositoryCallbacks: Sendable {
    /// What a client is told of the media repository, `get_media_config_for_user` (Synapse 1.132).
    ///
    /// An object takes the place of the whole answer of `GET /media/config`. The first module with one decides; `nil` and
    /// an empty one leave it to the next.
    public typealias GetMediaConfig = @Sendable (_ user: UserID) async throws -> JSONObject?

    /// Whether a user may upload a file so large, `is_user_allowed_to_upload_media_of_size` (1.132).
    ///
    /// Called for sizes the server itself allows. The first module that denies decides.
    /// Denied: 413 `M_TOO_LARGE` "Upload request body is too large".
    public typealias IsUploadAllowed = @Sendable (_ user: UserID, _ size: Int64) async throws -> RuleAnswer

    /// How much a user may upload over time, `get_media_upload_limits_for_user` (1.139).
    ///
    /// `nil` leaves it to the next module and at last to the configuration; an empty list means no limits.
    public typealias GetUploadLimits = @Sendable (_ user: UserID) async throws -> [MediaUploadLimit]?

    /// Hears of an upload that is about to be refused for such a limit, `on_media_upload_limit_exceeded` (1.139).
    ///
    /// All modules are told.
    public typealias OnUploadLimitExceeded =
        @Sendable (_ user: UserID, _ upload: ExceedingUpload) async throws -> Void

    public var getMediaConfigForUser: GetMediaConfig?
    public var isUserAllowedToUploadMediaOfSize: IsUploadAllowed?
    public var getMediaUploadLimitsForUser: GetUploadLimits?
    public var onMediaUploadLimitExceeded: OnUploadLimitExceeded?

    public init(
        getMediaConfigForUser: GetMediaConfig? = nil,
        isUserAllowedToUploadMediaOfSize: IsUploadAllowed? = nil,
        getMediaUploadLimitsForUser: GetUploadLimits? = nil,
        onMediaUploadLimitExceeded: OnUploadLimitExceeded? = nil
    ) {
        self.getMediaConfigForUser = getMediaConfigForUser
        self.isUserAllowedToUploadMediaOfSize = isUserAllowedToUploadMediaOfSize
        self.getMediaUploadLimitsForUser = getMediaUploadLimitsForUser
        self.onMediaUploadLimitExceeded = onMediaUploadLimitExceeded
    }
}

/// How much may be uploaded in a stretch of time. Synapse's `MediaUploadLimit`.
///
/// Exceeded: 403 `M_USER_LIMIT_EXCEEDED` "Media upload limit exceeded" with `info_uri` and, if so, `can_upgrade`.
public struct MediaUploadLimit: Hashable, Sendable {
    public var maximumBytes: Int64
    /// The stretch, up to now.
    public var period: Duration
    /// A page that tells the user more; `nil` for the server's own.
    public var infoURI: String?
    /// Whether the user could have a higher limit.
    public var canUpgrade: Bool

    public init(maximumBytes: Int64, period: Duration, infoURI: String? = nil, canUpgrade: Bool = false) {
        self.maximumBytes = maximumBytes
        self.period = period
        self.infoURI = infoURI
        self.canUpgrade = canUpgrade
    }
}

/// An upload that is too much.
public struct ExceedingUpload: Hashable, Sendable {
    public var limit: MediaUploadLimit
    /// How much the user has uploaded in the limit's period.
    public var sentBytes: Int64
    /// How much more this upload is.
    public var attemptedBytes: Int64

    public init(limit: MediaUploadLimit, sentBytes: Int64, attemptedBytes: Int64) {
        self.limit = limit
        self.sentBytes = sentBytes
        self.attemptedBytes = attemptedBytes
    }
}
