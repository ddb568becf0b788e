/// A machine-readable error code, as in `{"errcode": "M_FORBIDDEN"}`.
///
/// Spec: Client-Server API, [Standard error response](https://spec.matrix.org/v1.19/client-server-api/#standard-error-response).
/// A module may answer with codes of its own: `ErrorCode("ORG.EXAMPLE_CODE")`.
public struct ErrorCode: ByteComparable, ExpressibleByStringLiteral {
    public let string: String

    public init(_ string: String) { self.string = string }
    public init(stringLiteral value: String) { string = value }

    public static let forbidden: ErrorCode = "M_FORBIDDEN"
    public static let unknownToken: ErrorCode = "M_UNKNOWN_TOKEN"
    public static let missingToken: ErrorCode = "M_MISSING_TOKEN"
    public static let userLocked: ErrorCode = "M_USER_LOCKED"
    public static let userSuspended: ErrorCode = "M_USER_SUSPENDED"
    public static let badJSON: ErrorCode = "M_BAD_JSON"
    public static let notJSON: ErrorCode = "M_NOT_JSON"
    public static let notFound: ErrorCode = "M_NOT_FOUND"
    public static let limitExceeded: ErrorCode = "M_LIMIT_EXCEEDED"
    public static let unrecognized: ErrorCode = "M_UNRECOGNIZED"
    public static let unknown: ErrorCode = "M_UNKNOWN"
    public static let unauthorized: ErrorCode = "M_UNAUTHORIZED"
    public static let userDeactivated: ErrorCode = "M_USER_DEACTIVATED"
    public static let userInUse: ErrorCode = "M_USER_IN_USE"
    public static let invalidUsername: ErrorCode = "M_INVALID_USERNAME"
    public static let roomInUse: ErrorCode = "M_ROOM_IN_USE"
    public static let invalidRoomState: ErrorCode = "M_INVALID_ROOM_STATE"
    public static let unsupportedRoomVersion: ErrorCode = "M_UNSUPPORTED_ROOM_VERSION"
    public static let incompatibleRoomVersion: ErrorCode = "M_INCOMPATIBLE_ROOM_VERSION"
    public static let badState: ErrorCode = "M_BAD_STATE"
    public static let guestAccessForbidden: ErrorCode = "M_GUEST_ACCESS_FORBIDDEN"
    public static let missingParam: ErrorCode = "M_MISSING_PARAM"
    public static let invalidParam: ErrorCode = "M_INVALID_PARAM"
    public static let tooLarge: ErrorCode = "M_TOO_LARGE"
    public static let exclusive: ErrorCode = "M_EXCLUSIVE"
    public static let weakPassword: ErrorCode = "M_WEAK_PASSWORD"
    public static let unableToAuthoriseJoin: ErrorCode = "M_UNABLE_TO_AUTHORISE_JOIN"
    public static let unableToGrantJoin: ErrorCode = "M_UNABLE_TO_GRANT_JOIN"
    public static let badAlias: ErrorCode = "M_BAD_ALIAS"
    public static let duplicateAnnotation: ErrorCode = "M_DUPLICATE_ANNOTATION"
    public static let unknownPos: ErrorCode = "M_UNKNOWN_POS"
    public static let profileTooLarge: ErrorCode = "M_PROFILE_TOO_LARGE"
    public static let keyTooLarge: ErrorCode = "M_KEY_TOO_LARGE"
    public static let threepidDenied: ErrorCode = "M_THREEPID_DENIED"
    public static let threepidInUse: ErrorCode = "M_THREEPID_IN_USE"
    public static let threepidNotFound: ErrorCode = "M_THREEPID_NOT_FOUND"
}
