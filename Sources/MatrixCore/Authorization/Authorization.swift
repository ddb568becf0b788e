/// Checks `event` against the authorization rules of its room version, given the state of the room.
///
/// Spec: [Authorization rules](https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules); each version's page has its
/// own. The rule on the event's `auth_events` is left to ``authorize(_:authEvents:create:isRejected:)``, and checking
/// signatures to the caller.
/// - Parameter state: Looks up the room state to judge by. Called only for the create event and the keys named by
///   ``authorizationStateKeys(type:stateKey:sender:content:version:)``.
/// - Throws: ``AuthorizationFailure`` naming the first rule that refuses the event, or what `state` throws.
public func authorize(_ event: Event, state: (StateKey) throws -> Event?) throws {
    try withoutActuallyEscaping(state) { state in
        try AuthorizationCheck(event: event, state: state).run()
    }
}

/// Checks `event` against the authorization rules, given the events it names itself in `auth_events`.
///
/// Spec: Server-Server API, check 4 of
/// [Checks performed on receipt of a PDU](https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu).
/// - Parameters:
///   - authEvents: The events named in `auth_events`, all of them: one that cannot be had is for the caller to refuse.
///   - create: The room's create event, where the room ID names it; elsewhere it is among `authEvents`.
///   - isRejected: Whether an event was itself rejected.
/// - Throws: ``AuthorizationFailure`` naming the first rule that refuses the event.
public func authorize(
    _ event: Event, authEvents: [Event], create: Event? = nil, isRejected: (EventID) -> Bool = { _ in false }
) throws(AuthorizationFailure) {
    let version = event.version
    func refuse(_ section: RuleSection, _ subrules: Int..., because reason: String) -> AuthorizationFailure {
        AuthorizationFailure(section, subrules, reason, in: version)
    }
    var held: [StateKey: Event] = [:]
    if event.type != .create {
        let roomIDNamesCreate = version.eventFormat.roomIDIsCreateHash
        if roomIDNamesCreate {
            guard let create, !isRejected(create.eventID) else {
                throw refuse(.roomID, because: "Room \(event.roomID) has no create event")
            }
        }
        let selected = event.authorizationStateKeys
        // 1 duplicates
        for authEvent in authEvents {
            guard let key = authEvent.state else {
                throw refuse(.authEvents, 2, because: "Auth event \(authEvent.eventID) is not a state event")
            }
            guard held.updateValue(authEvent, forKey: key) == nil else {
                throw refuse(.authEvents, 1, because: "Several auth events for \(key.type) '\(key.key)'")
            }
        }
        // 2 not selected
        for authEvent in authEvents where !(authEvent.state.map(selected.contains) ?? false) {
            throw refuse(.authEvents, 2, because: "Auth event \(authEvent.eventID) has no bearing on this event")
        }
        // 3 rejected
        for authEvent in authEvents where isRejected(authEvent.eventID) {
            throw refuse(.authEvents, 3, because: "Auth event \(authEvent.eventID) was rejected")
        }
        // 4 no create event
        if !roomIDNamesCreate, held[.create] == nil {
            throw refuse(.authEvents, 4, because: "No create event among the auth events")
        }
        // 5 another room's
        for authEvent in authEvents where authEvent.roomID != event.roomID {
            throw refuse(.authEvents, 5, because: "Auth event \(authEvent.eventID) is of another room")
        }
        if roomIDNamesCreate { held[.create] = create }
    }
    do {
        try authorize(event, state: { held[$0] })
    } catch let failure as AuthorizationFailure {
        throw failure
    } catch {
        // A look-up in a dictionary throws nothing; should that change, the event is not authorized.
        throw refuse(.authEvents, because: "The auth events could not be read")
    }
}

/// One event on its way through the rules, in the order of the specification.
struct AuthorizationCheck {
    let event: Event
    let state: (StateKey) throws -> Event?
    var rules: AuthorizationRules { event.version.authorization }

    func run() throws {
        // 1: if type is m.room.create …
        if event.type == .create { return try checkCreate() }

        let create = try roomCreate()

        // If m.federate is false in the create event, and the sender's domain is another than its sender's, reject.
        if create.content.bool("m.federate") == false, event.sender.server != create.sender.server {
            throw refuse(.federation, because: "This room is closed to users of other servers")
        }
        if rules.hasAliasesRule, event.type == .aliases { return try checkAliases() }
        if event.type == .member { return try checkMembership(create: create) }

        // If the sender's current membership state is not join, reject.
        guard try membership(of: event.sender) == .join else {
            throw refuse(.senderIsJoined, because: notInRoom(event.sender))
        }
        let levels = try powerLevels(create: create)
        let senderLevel = levels.level(of: event.sender)

        // Allow a third-party invite if and only if the sender may invite.
        if event.type == .thirdPartyInvite {
            guard senderLevel >= levels.invite else {
                throw refuse(.thirdPartyInvite, 1, because: "You don't have permission to invite users")
            }
            return
        }
        // If the event type's required power level is greater than the sender's, reject.
        let required = levels.required(for: event.type, state: event.stateKey != nil)
        guard senderLevel >= required else {
            throw refuse(
                .requiredLevel,
                because: "You don't have permission to post that to the room. "
                    + "\(event.type) needs power level \(required), yours is \(senderLevel)")
        }
        // If the event has a state_key that starts with an @ and does not match the sender, reject.
        if let stateKey = event.stateKey, stateKey.utf8.first == UInt8(ascii: "@"),
            !stateKey.hasSameBytes(as: event.sender.string)
        {
            throw refuse(.userStateKey, because: "You are not allowed to set others state")
        }
        if event.type == .powerLevels {
            return try checkPowerLevels(current: levels, senderLevel: senderLevel)
        }
        if rules.restrictsRedactions, event.type == .redaction {
            return try checkRedaction(levels: levels, senderLevel: senderLevel)
        }
    }

    /// Rule 1.
    private func checkCreate() throws {
        // 1.1: if it has any prev_events, reject.
        guard event.prevEvents.isEmpty else {
            throw refuse(.create, 1, because: "A create event cannot follow other events")
        }
        if event.version.eventFormat.roomIDIsCreateHash {
            // 1.2: if the event has a room_id, reject.
            guard event.object["room_id"] == nil else {
                throw refuse(.create, 2, because: "The create event of such a room cannot have a room ID")
            }
        } else {
            // 1.2: if the domain of the room_id does not match the domain of the sender, reject.
            guard event.roomID.server == event.sender.server else {
                throw refuse(.create, 2, because: "The room ID's server does not match that of the room's creator")
            }
        }
        // 1.3: if content.room_version is present and is not a recognised version, reject.
        guard RoomVersion(createContent: event.content) != nil else {
            throw refuse(.create, 3, because: "This server does not support the room's version")
        }
        // 1.4 up to version 10: if content has no creator property, reject.
        if !rules.creatorIsSender, !event.content.contains("creator") {
            throw refuse(.create, 4, because: "The create event names no creator")
        }
        // 1.4 from version 12: if additional_creators is present and not an array of user IDs, reject.
        if rules.creatorsHaveInfinitePower, let creators = event.content["additional_creators"] {
            guard let creators = creators.stringArrayValue, creators.allSatisfy({ UserID($0) != nil }) else {
                throw refuse(.create, 4, because: "additional_creators must be a list of user IDs")
            }
        }
    }

    /// Rule 4 up to version 5.
    private func checkAliases() throws {
        guard let stateKey = event.stateKey else {
            throw refuse(.aliases, 1, because: "An aliases event must have a state key")
        }
        guard event.sender.server.string.hasSameBytes(as: stateKey) else {
            throw refuse(.aliases, 2, because: "The state key of an aliases event must be your server's name")
        }
    }

    /// Rule 11 up to version 2.
    private func checkRedaction(levels: PowerLevels, senderLevel: Int64) throws {
        // 1: the sender's level reaches the redact level. 2: both events are of one server.
        if senderLevel >= levels.redact { return }
        if let server = event.redacts?.server, server == event.eventID.server { return }
        throw refuse(.redaction, 3, because: "You don't have permission to redact events")
    }
}

// What the rules look up, and how they refuse.
extension AuthorizationCheck {
    func refuse(_ section: RuleSection, _ subrules: Int..., because reason: String) -> AuthorizationFailure {
        AuthorizationFailure(section, subrules, reason, in: event.version)
    }

    func notInRoom(_ user: UserID) -> String { "User \(user) not in room \(event.roomID)" }

    /// The room's create event, which where the room ID names it must be that very event.
    private func roomCreate() throws -> Event {
        let create = try state(.create)
        guard event.version.eventFormat.roomIDIsCreateHash else {
            guard let create else {
                throw refuse(.authEvents, 4, because: "Room \(event.roomID) has no create event")
            }
            return create
        }
        guard let create, create.eventID == event.roomID.createEventID else {
            throw refuse(.roomID, because: "Room \(event.roomID) has no create event")
        }
        return create
    }

    /// The user's membership in the room state; `nil` if there is none, which counts as `leave`.
    func membership(of user: UserID) throws -> Membership? { try state(.member(user))?.membership }

    func powerLevels(create: Event) throws -> PowerLevels {
        PowerLevels(content: try state(.powerLevels)?.content, create: create, version: event.version)
    }
}
