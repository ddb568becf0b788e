/// How the events of a room version are put together.
public struct EventFormatRules: Hashable, Sendable {
    /// Where an event's ID comes from.
    public enum EventIDSource: Hashable, Sendable {
        /// The sender's server chooses it, `$opaque:server`, and writes it in `event_id`.
        ///
        /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#event-ids).
        case chosen
        /// `$` and the reference hash in unpadded base64.
        ///
        /// Spec: [v3](https://spec.matrix.org/v1.19/rooms/v3/#event-ids).
        case referenceHash
        /// `$` and the reference hash in URL-safe unpadded base64.
        ///
        /// Spec: [v4](https://spec.matrix.org/v1.19/rooms/v4/#event-ids).
        case urlSafeReferenceHash
    }

    public internal(set) var eventID: EventIDSource = .chosen

    /// Whether `prev_events` and `auth_events` hold pairs of event ID and hashes instead of event IDs.
    ///
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#event-format), ended by
    /// [v3](https://spec.matrix.org/v1.19/rooms/v3/#event-format).
    public internal(set) var referencesCarryHashes = true

    /// Which numbers events may hold.
    ///
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#canonical-json),
    /// [v6](https://spec.matrix.org/v1.19/rooms/v6/#canonical-json).
    public internal(set) var numbers: CanonicalNumbers = .any

    /// Whether `m.room.redaction` names its target in `content` instead of beside it.
    ///
    /// Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property).
    public internal(set) var redactsIsInContent = false

    /// Whether the room ID is the create event's ID with `!` for `$`; that event then has no `room_id`, and no event
    /// names it in `auth_events`.
    ///
    /// Spec: [v12](https://spec.matrix.org/v1.19/rooms/v12/#event-format).
    public internal(set) var roomIDIsCreateHash = false
}

/// The state resolution algorithm of a room version.
public enum StateResolutionRules: Hashable, Sendable {
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#state-resolution).
    case v1
    /// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#state-resolution).
    case v2
    /// Version 2 that starts from an empty state map and adds the conflicted state subgraph.
    ///
    /// Spec: [v12](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution).
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2_1
}

/// What differs between the authorization rules of room versions.
public struct AuthorizationRules: Hashable, Sendable {
    /// Whether redactions are judged by the *redact level* and the redacted event's server.
    ///
    /// Spec: rule 11 of [v1](https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules), ended by
    /// [v3](https://spec.matrix.org/v1.19/rooms/v3/#authorisation-rules).
    public internal(set) var restrictsRedactions = true

    /// Whether `m.room.aliases` has a rule of its own: its state key is the sender's server.
    ///
    /// Spec: rule 4 of [v1](https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules), ended by
    /// [v6](https://spec.matrix.org/v1.19/rooms/v6/#authorisation-rules).
    public internal(set) var hasAliasesRule = true

    /// Whether a change of `notifications` in `m.room.power_levels` is checked as one of `events` is.
    ///
    /// Spec: [v6](https://spec.matrix.org/v1.19/rooms/v6/#authorisation-rules).
    public internal(set) var limitsNotifications = false

    /// Whether there is a membership and a join rule `knock`.
    ///
    /// Spec: [v7](https://spec.matrix.org/v1.19/rooms/v7/#authorisation-rules).
    public internal(set) var hasKnocking = false

    /// Whether there is a join rule `restricted`.
    ///
    /// Spec: [v8](https://spec.matrix.org/v1.19/rooms/v8/#authorisation-rules).
    public internal(set) var hasRestrictedJoins = false

    /// Whether there is a join rule `knock_restricted`.
    ///
    /// Spec: [v10](https://spec.matrix.org/v1.19/rooms/v10/#authorisation-rules).
    public internal(set) var hasKnockRestricted = false

    /// Whether power levels must be JSON integers; earlier, strings and floats that stand for one are read too.
    ///
    /// Spec: [v10](https://spec.matrix.org/v1.19/rooms/v10/#values-in-mroompower_levels-events-must-be-integers).
    public internal(set) var requiresIntegerPowerLevels = false

    /// Whether the create event's sender is the creator; earlier, its content's `creator`, which must be there.
    ///
    /// Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#remove-the-creator-property-of-mroomcreate-events).
    public internal(set) var creatorIsSender = false

    /// Whether the create event's sender and its `additional_creators` have infinite power and may not be named in
    /// `m.room.power_levels`.
    ///
    /// Spec: [v12](https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules).
    public internal(set) var creatorsHaveInfinitePower = false
}

/// What differs between the redaction algorithms of room versions.
public struct RedactionRules: Hashable, Sendable {
    /// Whether the event's `origin`, `membership` and `prev_state` are kept.
    ///
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#redactions), ended by
    /// [v11](https://spec.matrix.org/v1.19/rooms/v11/#redactions).
    public internal(set) var keepsOriginMembershipPrevState = true

    /// Whether `m.room.aliases` keeps `aliases`.
    ///
    /// Spec: [v1](https://spec.matrix.org/v1.19/rooms/v1/#redactions), ended by
    /// [v6](https://spec.matrix.org/v1.19/rooms/v6/#redactions).
    public internal(set) var keepsAliases = true

    /// Whether `m.room.join_rules` keeps `allow`. Spec: [v8](https://spec.matrix.org/v1.19/rooms/v8/#redactions).
    public internal(set) var keepsJoinRulesAllow = false

    /// Whether `m.room.member` keeps `join_authorised_via_users_server`.
    ///
    /// Spec: [v9](https://spec.matrix.org/v1.19/rooms/v9/#redactions).
    public internal(set) var keepsJoinAuthorizedVia = false

    /// Whether `m.room.create` keeps all its content. Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#redactions).
    public internal(set) var keepsCreateContent = false

    /// Whether `m.room.redaction` keeps `redacts`. Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#redactions).
    public internal(set) var keepsRedacts = false

    /// Whether `m.room.power_levels` keeps `invite`. Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#redactions).
    public internal(set) var keepsInviteLevel = false

    /// Whether `m.room.member` keeps `signed` of `third_party_invite`.
    ///
    /// Spec: [v11](https://spec.matrix.org/v1.19/rooms/v11/#redactions).
    public internal(set) var keepsThirdPartySigned = false
}

/// What differs between the signatures the events of room versions need, beside that of the sender's server.
public struct SignatureRules: Hashable, Sendable {
    /// Whether the server named in the event ID must have signed.
    ///
    /// Spec: [Validating hashes and signatures](https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events).
    public internal(set) var requiresEventIDServer = true

    /// Whether a key must have been valid when the event was sent.
    ///
    /// Spec: [v5](https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period).
    public internal(set) var enforcesKeyValidity = false

    /// Whether the server of the user in `join_authorised_via_users_server` must have signed.
    ///
    /// Spec: [v8](https://spec.matrix.org/v1.19/rooms/v8/#authorisation-rules).
    public internal(set) var requiresAuthorizingServer = false
}
