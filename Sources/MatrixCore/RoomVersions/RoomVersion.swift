/// A room version: the rules by which the events of a room are written, judged and resolved.
///
/// What a version does is said by named flags, so nothing outside this file asks which version it is. Each flag links to
/// the version that introduced or ended the behavior.
///
/// Spec: [Room versions](https://spec.matrix.org/v1.19/rooms/).
public struct RoomVersion: Sendable {
    /// The identifier in `m.room.create`'s `room_version`, such as `"12"`.
    public let id: String

    /// How events refer to others, and where their own IDs come from.
    public let eventFormat: EventFormatRules
    /// How conflicts between states are resolved.
    public let stateResolution: StateResolutionRules
    /// Who may send what.
    public let authorization: AuthorizationRules
    /// What remains of a redacted event.
    public let redaction: RedactionRules
    /// Which signatures an event needs.
    public let signatures: SignatureRules

    /// The versions this server takes part in, oldest first. All of them are stable.
    public static let supported: [RoomVersion] = [.v1, .v2, .v3, .v4, .v5, .v6, .v7, .v8, .v9, .v10, .v11, .v12]

    /// The version rooms are created with unless something else is asked for.
    ///
    /// Spec: [Complete list of room versions](https://spec.matrix.org/v1.19/rooms/#complete-list-of-room-versions).
    public static let standard: RoomVersion = .v12

    /// The version an `m.room.create` event without `room_version` means.
    public static let implied: RoomVersion = .v1

    /// The supported version with this identifier; `nil` if there is none.
    public init?(_ id: String) {
        guard let version = Self.supported.first(where: { $0.id.hasSameBytes(as: id) }) else { return nil }
        self = version
    }

    /// The version an `m.room.create` event's content names; `nil` if it is no string or not supported.
    public init?(createContent content: JSONObject) {
        switch content["room_version"] {
        case nil: self = .implied
        case .string(let id)?: self.init(id)
        default: return nil
        }
    }

    init(
        id: String, eventFormat: EventFormatRules, stateResolution: StateResolutionRules,
        authorization: AuthorizationRules, redaction: RedactionRules, signatures: SignatureRules
    ) {
        self.id = id
        self.eventFormat = eventFormat
        self.stateResolution = stateResolution
        self.authorization = authorization
        self.redaction = redaction
        self.signatures = signatures
    }

    /// A version that differs from this one as `change` says.
    private func changed(to id: String, _ change: (inout Draft) -> Void) -> RoomVersion {
        var draft = Draft(
            eventFormat: eventFormat, stateResolution: stateResolution, authorization: authorization,
            redaction: redaction, signatures: signatures)
        change(&draft)
        return RoomVersion(
            id: id, eventFormat: draft.eventFormat, stateResolution: draft.stateResolution,
            authorization: draft.authorization, redaction: draft.redaction, signatures: draft.signatures)
    }

    private struct Draft {
        var eventFormat: EventFormatRules
        var stateResolution: StateResolutionRules
        var authorization: AuthorizationRules
        var redaction: RedactionRules
        var signatures: SignatureRules
    }
}

extension RoomVersion: Hashable, CustomStringConvertible {
    public static func == (left: RoomVersion, right: RoomVersion) -> Bool { left.id == right.id }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
    public var description: String { id }
}

// Each version as the specification tells it: what it changes of the one before.
extension RoomVersion {
    /// [Room version 1](https://spec.matrix.org/v1.19/rooms/v1/).
    public static let v1 = RoomVersion(
        id: "1", eventFormat: EventFormatRules(), stateResolution: .v1, authorization: AuthorizationRules(),
        redaction: RedactionRules(), signatures: SignatureRules())

    /// [Room version 2](https://spec.matrix.org/v1.19/rooms/v2/): state resolution.
    public static let v2 = v1.changed(to: "2") { $0.stateResolution = .v2 }

    /// [Room version 3](https://spec.matrix.org/v1.19/rooms/v3/): event IDs are hashes.
    public static let v3 = v2.changed(to: "3") {
        $0.eventFormat.eventID = .referenceHash
        $0.eventFormat.referencesCarryHashes = false
        $0.authorization.restrictsRedactions = false
        $0.signatures.requiresEventIDServer = false
    }

    /// [Room version 4](https://spec.matrix.org/v1.19/rooms/v4/): event IDs are URL-safe.
    public static let v4 = v3.changed(to: "4") { $0.eventFormat.eventID = .urlSafeReferenceHash }

    /// [Room version 5](https://spec.matrix.org/v1.19/rooms/v5/): signing keys expire.
    public static let v5 = v4.changed(to: "5") { $0.signatures.enforcesKeyValidity = true }

    /// [Room version 6](https://spec.matrix.org/v1.19/rooms/v6/): strict JSON, aliases lose their special standing.
    public static let v6 = v5.changed(to: "6") {
        $0.eventFormat.numbers = .strict
        $0.authorization.hasAliasesRule = false
        $0.authorization.limitsNotifications = true
        $0.redaction.keepsAliases = false
    }

    /// [Room version 7](https://spec.matrix.org/v1.19/rooms/v7/): knocking.
    public static let v7 = v6.changed(to: "7") { $0.authorization.hasKnocking = true }

    /// [Room version 8](https://spec.matrix.org/v1.19/rooms/v8/): restricted rooms.
    public static let v8 = v7.changed(to: "8") {
        $0.authorization.hasRestrictedJoins = true
        $0.redaction.keepsJoinRulesAllow = true
        $0.signatures.requiresAuthorizingServer = true
    }

    /// [Room version 9](https://spec.matrix.org/v1.19/rooms/v9/): redaction of restricted joins.
    public static let v9 = v8.changed(to: "9") { $0.redaction.keepsJoinAuthorizedVia = true }

    /// [Room version 10](https://spec.matrix.org/v1.19/rooms/v10/): power levels are integers, `knock_restricted`.
    public static let v10 = v9.changed(to: "10") {
        $0.authorization.requiresIntegerPowerLevels = true
        $0.authorization.hasKnockRestricted = true
    }

    /// [Room version 11](https://spec.matrix.org/v1.19/rooms/v11/): redaction clarified.
    public static let v11 = v10.changed(to: "11") {
        $0.eventFormat.redactsIsInContent = true
        $0.authorization.creatorIsSender = true
        $0.redaction.keepsOriginMembershipPrevState = false
        $0.redaction.keepsCreateContent = true
        $0.redaction.keepsRedacts = true
        $0.redaction.keepsInviteLevel = true
        $0.redaction.keepsThirdPartySigned = true
    }

    /// [Room version 12](https://spec.matrix.org/v1.19/rooms/v12/): room IDs are hashes, creators outrank everybody.
    public static let v12 = v11.changed(to: "12") {
        $0.eventFormat.roomIDIsCreateHash = true
        $0.stateResolution = .v2_1
        $0.authorization.creatorsHaveInfinitePower = true
    }
}
