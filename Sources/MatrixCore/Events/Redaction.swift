/// What remains of an event once it is redacted: the members its place in the room rests on.
///
/// The algorithm also decides what an event's signatures and reference hash cover. Members stay in their order.
///
/// Spec: Client-Server API, [Redactions](https://spec.matrix.org/v1.19/client-server-api/#redactions), and the page of
/// each room version.
/// - Parameter object: A PDU. Members that are not of the right type are kept or removed like any others.
public func redact(_ object: JSONObject, version: RoomVersion) -> JSONObject {
    let rules = version.redaction
    let type = object.string("type") ?? ""
    var redacted = JSONObject()
    redacted.reserveCapacity(object.count)
    for (key, value) in object {
        guard let field = EventField(key), rules.keeps(field) else { continue }
        if field == .content {
            redacted.appendNew(key, .object(rules.redactedContent(value.objectValue ?? [:], type: type)))
        } else {
            redacted.appendNew(key, value)
        }
    }
    return redacted
}

extension RedactionRules {
    /// Whether an event's member survives; of `content` only what ``redactedContent(_:type:)`` says.
    func keeps(_ field: EventField) -> Bool {
        switch field {
        case .authEvents, .content, .depth, .eventID, .hashes, .originServerTS, .prevEvents, .roomID, .sender,
            .signatures, .stateKey, .type:
            true
        case .membership, .origin, .prevState: keepsOriginMembershipPrevState
        case .redacts, .unsigned: false
        }
    }

    /// What remains of the content of an event of this type.
    func redactedContent(_ content: JSONObject, type: String) -> JSONObject {
        guard !content.isEmpty, type.utf8.starts(with: "m.room.".utf8) else { return [:] }
        switch EventType(type) {
        case .create where keepsCreateContent: return content
        case .create: return content.only(["creator"])
        case .member: return redactedMembership(content)
        case .joinRules: return content.only(keepsJoinRulesAllow ? ["join_rule", "allow"] : ["join_rule"])
        case .powerLevels: return content.only(keepsInviteLevel ? Self.levels + ["invite"] : Self.levels)
        case .historyVisibility: return content.only(["history_visibility"])
        case .aliases where keepsAliases: return content.only(["aliases"])
        case .redaction where keepsRedacts: return content.only(["redacts"])
        default: return [:]
        }
    }

    private static let levels = [
        "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default",
    ]

    private func redactedMembership(_ content: JSONObject) -> JSONObject {
        var kept = content.only(
            keepsJoinAuthorizedVia ? ["membership", "join_authorised_via_users_server"] : ["membership"])
        if keepsThirdPartySigned, let invite = content.object("third_party_invite") {
            kept.appendNew("third_party_invite", .object(invite.only(["signed"])))
        }
        return kept
    }
}

extension JSONObject {
    /// The members with these keys, in their order here.
    fileprivate func only(_ keys: [String]) -> JSONObject {
        JSONObject(uniqueMembers: members.filter { member in keys.contains { $0.hasSameBytes(as: member.key) } })
    }
}
