/// The authorization rule that refuses an event.
public struct AuthorizationFailure: Error, Hashable, Sendable {
    /// The rule's number in the event's room version, as the specification counts: `"4.3.2"`.
    public let rule: String
    /// Why, in a sentence a client may show its user.
    public let reason: String

    init(_ section: RuleSection, _ subrules: [Int], _ reason: String, in version: RoomVersion) {
        rule = ([section.number(in: version)] + subrules).map(String.init).joined(separator: ".")
        self.reason = reason
    }
}

extension AuthorizationFailure: MatrixErrorConvertible {
    public var matrixError: MatrixError { .forbidden(reason) }
}

extension AuthorizationFailure: CustomStringConvertible {
    public var description: String { "rule \(rule): \(reason)" }
}

/// The top-level authorization rules, in the order they are applied.
///
/// Room versions add and remove some of them, which shifts the numbers of those that follow.
enum RuleSection {
    case create
    /// Version 12 and later: the room ID names the create event.
    case roomID
    case authEvents
    case federation
    /// Up to version 5.
    case aliases
    case membership
    case senderIsJoined
    case thirdPartyInvite
    case requiredLevel
    case userStateKey
    case powerLevels
    /// Up to version 2.
    case redaction

    /// The rule's number; for one the version lacks, that of the rule in its place.
    func number(in version: RoomVersion) -> Int {
        let roomIDs = version.eventFormat.roomIDIsCreateHash ? 1 : 0
        let aliases = version.authorization.hasAliasesRule ? 1 : 0
        return switch self {
        case .create: 1
        case .roomID: 2
        case .authEvents: 2 + roomIDs
        case .federation: 3 + roomIDs
        case .aliases: 4 + roomIDs
        case .membership: 4 + roomIDs + aliases
        case .senderIsJoined: 5 + roomIDs + aliases
        case .thirdPartyInvite: 6 + roomIDs + aliases
        case .requiredLevel: 7 + roomIDs + aliases
        case .userStateKey: 8 + roomIDs + aliases
        case .powerLevels: 9 + roomIDs + aliases
        case .redaction: 10 + roomIDs + aliases
        }
    }
}
