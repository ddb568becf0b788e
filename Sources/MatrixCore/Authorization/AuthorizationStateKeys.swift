/// The room state that decides whether an event may be sent; what is there of it goes into the event's `auth_events`.
///
/// Malformed content is read as if the offending part were missing: the authorization rules refuse such events.
///
/// Spec: Server-Server API, [Auth events selection](https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection).
/// - Returns: Distinct keys, in the order of the specification. Empty for `m.room.create`. Without the create event
///   where the room ID names it.
public func authorizationStateKeys(
    type: EventType, stateKey: String?, sender: UserID, content: JSONObject, version: RoomVersion
) -> [StateKey] {
    guard type != .create else { return [] }
    let senderMembership = StateKey.member(sender)
    var keys: [StateKey] =
        version.eventFormat.roomIDIsCreateHash
        ? [.powerLevels, senderMembership] : [.create, .powerLevels, senderMembership]
    guard type == .member, let stateKey else { return keys }

    func add(_ key: StateKey) {
        if !keys.contains(key) { keys.append(key) }
    }
    add(StateKey(.member, stateKey))
    switch content.string("membership") {
    case "join":
        add(.joinRules)
        if version.authorization.hasRestrictedJoins,
            let authorizer = content.string("join_authorised_via_users_server")
        {
            add(StateKey(.member, authorizer))
        }
    case "invite":
        add(.joinRules)
        if let token = content.object("third_party_invite")?.object("signed")?.string("token") {
            add(StateKey(.thirdPartyInvite, token))
        }
    case "knock":
        add(.joinRules)
    default: break
    }
    return keys
}

extension Event {
    /// The room state that decides whether this event may be sent. See
    /// ``authorizationStateKeys(type:stateKey:sender:content:version:)``.
    public var authorizationStateKeys: [StateKey] {
        MatrixCore.authorizationStateKeys(
            type: type, stateKey: stateKey, sender: sender, content: content, version: version)
    }
}
