// The rules on `m.room.member`: rule 4, in versions 1 to 5 and 12 rule 5.
extension AuthorizationCheck {
    /// Versions with restricted joins number what follows their additional rule one higher.
    private func refuse(member rule: Int, _ subrules: Int..., because reason: String) -> AuthorizationFailure {
        AuthorizationFailure(
            .membership, [rule + (rules.hasRestrictedJoins ? 1 : 0)] + subrules, reason, in: event.version)
    }

    func checkMembership(create: Event) throws {
        // 1: if there is no state_key property, or no membership property in content, reject.
        guard let stateKey = event.stateKey else {
            throw refuse(.membership, 1, because: "A membership event must have a state key")
        }
        guard let membership = event.content.string("membership") else {
            throw refuse(.membership, 1, because: "A membership event must have a membership")
        }
        let target = UserID(trusted: stateKey)

        // 2 from version 8: if content has a join_authorised_via_users_server property, its server must have signed.
        if rules.hasRestrictedJoins, let authorizer = event.content["join_authorised_via_users_server"] {
            guard let authorizer = authorizer.stringValue.flatMap({ UserID($0) }), isSigned(by: authorizer.server)
            else {
                throw refuse(
                    .membership, 2, 1, because: "The join lacks the signature of the server that authorized it")
            }
        }
        switch membership {
        case "join": try checkJoin(of: target, create: create)
        case "invite": try checkInvite(of: target, create: create)
        case "leave": try checkLeave(of: target, create: create)
        case "ban": try checkBan(of: target, create: create)
        case "knock" where rules.hasKnocking: try checkKnock(of: target)
        default:
            throw refuse(member: rules.hasKnocking ? 7 : 6, because: "Unknown membership '\(membership)'")
        }
    }

    /// Whether there is a signature of the server. That it is valid is checked when the event is received.
    private func isSigned(by server: ServerName) -> Bool {
        event.object.object("signatures")?.object(server.string)?.isEmpty == false
    }

    private func checkJoin(of target: UserID, create: Event) throws {
        // If the only previous event is an m.room.create and the state_key is the creator, allow.
        if event.prevEvents.count == 1, event.prevEvents[0] == create.eventID, isFirstMember(target, of: create) {
            return
        }
        // If the sender does not match state_key, reject.
        guard event.sender == target else {
            throw refuse(member: 2, 2, because: "Cannot force another user to join")
        }
        // If the sender is banned, reject.
        let current = try membership(of: target)
        guard current != .ban else {
            throw refuse(member: 2, 3, because: "You are banned from this room")
        }
        let isInvitedOrJoined = current == .invite || current == .join
        switch try joinRule() {
        case .invite, .knock:
            // If the join_rule is invite or knock then allow if membership state is invite or join.
            if isInvitedOrJoined { return }
            throw refuse(
                member: 2, rules.hasRestrictedJoins ? 7 : 6, because: "You are not invited to this room")
        case .restricted:
            // If membership state is join or invite, allow; else only on the word of a member who may invite.
            if isInvitedOrJoined { return }
            try checkAuthorizer(create: create)
        case .open: return
        case .other:
            throw refuse(
                member: 2, rules.hasRestrictedJoins ? 7 : 6, because: "You are not allowed to join this room")
        }
    }

    /// Whether `user` may join on top of the create event.
    private func isFirstMember(_ user: UserID, of create: Event) -> Bool {
        rules.creatorIsSender
            ? create.sender == user : create.content.string("creator")?.hasSameBytes(as: user.string) == true
    }

    /// Of a join that a member authorized: the member must be there, and may invite.
    private func checkAuthorizer(create: Event) throws {
        guard let authorizer = event.content.string("join_authorised_via_users_server").map(UserID.init(trusted:))
        else {
            throw refuse(member: 2, 5, 2, because: "You are not invited to this room, and no member let you in")
        }
        guard try membership(of: authorizer) == .join else {
            throw refuse(member: 2, 5, 2, because: notInRoom(authorizer))
        }
        let levels = try powerLevels(create: create)
        guard levels.level(of: authorizer) >= levels.invite else {
            throw refuse(member: 2, 5, 2, because: "\(authorizer) doesn't have permission to let users join")
        }
    }

    private func checkInvite(of target: UserID, create: Event) throws {
        // If content has a third_party_invite property, that decides.
        if let invite = event.content["third_party_invite"] {
            return try checkThirdPartyInvite(invite, of: target)
        }
        // If the sender's current membership state is not join, reject.
        guard try membership(of: event.sender) == .join else {
            throw refuse(member: 3, 2, because: notInRoom(event.sender))
        }
        // If target user's current membership state is join or ban, reject.
        switch try membership(of: target) {
        case .join: throw refuse(member: 3, 3, because: "\(target) is already in the room")
        case .ban: throw refuse(member: 3, 3, because: "\(target) is banned from the room")
        default: break
        }
        // If the sender's power level is greater than or equal to the invite level, allow.
        let levels = try powerLevels(create: create)
        guard levels.level(of: event.sender) >= levels.invite else {
            throw refuse(member: 3, 5, because: "You don't have permission to invite users")
        }
    }

    private func checkThirdPartyInvite(_ invite: JSON, of target: UserID) throws {
        // If target user is banned, reject.
        guard try membership(of: target) != .ban else {
            throw refuse(member: 3, 1, 1, because: "\(target) is banned from the room")
        }
        // If there is no signed, or it has no mxid and token, reject.
        guard let signed = invite["signed"]?.objectValue else {
            throw refuse(member: 3, 1, 2, because: "The third-party invite is not signed")
        }
        guard let user = signed.string("mxid"), let token = signed.string("token") else {
            throw refuse(member: 3, 1, 3, because: "The third-party invite lacks a user or a token")
        }
        // If mxid does not match state_key, reject.
        guard user.hasSameBytes(as: target.string) else {
            throw refuse(member: 3, 1, 4, because: "The third-party invite is for another user")
        }
        // If there is no m.room.third_party_invite event with state_key matching token, reject.
        guard let offer = try state(StateKey(.thirdPartyInvite, token)) else {
            throw refuse(member: 3, 1, 5, because: "The room has no such third-party invite")
        }
        // If sender does not match sender of the m.room.third_party_invite, reject.
        guard event.sender == offer.sender else {
            throw refuse(member: 3, 1, 6, because: "The third-party invite was made by another user")
        }
        // If any signature in signed matches any public key in the m.room.third_party_invite event, allow.
        guard isSigned(signed, byKeyOf: offer.content) else {
            throw refuse(member: 3, 1, 8, because: "The third-party invite is not signed with the room's key")
        }
    }

    private func checkLeave(of target: UserID, create: Event) throws {
        let senderMembership = try membership(of: event.sender)
        // If the sender matches state_key, allow if and only if its membership is invite, join, or knock.
        if event.sender == target {
            switch senderMembership {
            case .invite, .join: return
            case .knock where rules.hasKnocking: return
            default: throw refuse(member: 4, 1, because: notInRoom(target))
            }
        }
        // If the sender's current membership state is not join, reject.
        guard senderMembership == .join else {
            throw refuse(member: 4, 2, because: notInRoom(event.sender))
        }
        let levels = try powerLevels(create: create)
        let senderLevel = levels.level(of: event.sender)
        // If the target user is banned, and the sender's power level is less than the ban level, reject.
        if try membership(of: target) == .ban, senderLevel < levels.ban {
            throw refuse(member: 4, 3, because: "You don't have permission to unban users")
        }
        // If the sender's level reaches the kick level, and the target's is less than the sender's, allow.
        guard senderLevel >= levels.kick, levels.level(of: target) < senderLevel else {
            throw refuse(member: 4, 5, because: "You don't have permission to kick \(target)")
        }
    }

    private func checkBan(of target: UserID, create: Event) throws {
        // If the sender's current membership state is not join, reject.
        guard try membership(of: event.sender) == .join else {
            throw refuse(member: 5, 1, because: notInRoom(event.sender))
        }
        // If the sender's level reaches the ban level, and the target's is less than the sender's, allow.
        let levels = try powerLevels(create: create)
        let senderLevel = levels.level(of: event.sender)
        guard senderLevel >= levels.ban, levels.level(of: target) < senderLevel else {
            throw refuse(member: 5, 3, because: "You don't have permission to ban \(target)")
        }
    }

    private func checkKnock(of target: UserID) throws {
        // If the join_rule is anything other than knock or knock_restricted, reject.
        guard try allowsKnocking() else {
            throw refuse(member: 6, 1, because: "You don't have permission to knock")
        }
        // If sender does not match state_key, reject.
        guard event.sender == target else {
            throw refuse(member: 6, 2, because: "You cannot knock for another user")
        }
        // If the sender's current membership is not ban, invite, or join, allow.
        switch try membership(of: target) {
        case .ban: throw refuse(member: 6, 4, because: "You are banned from this room")
        case .invite: throw refuse(member: 6, 4, because: "You are already invited to this room")
        case .join: throw refuse(member: 6, 4, because: "You are already in this room")
        case .leave, .knock, nil: return
        }
    }
}

// Join rules.
extension AuthorizationCheck {
    /// What a room's `join_rule` asks of somebody who joins.
    private enum JoinRule {
        case open, invite, knock, restricted
        /// One that this room version does not know: nobody may join.
        case other
    }

    /// The value of `join_rule`. A room that says nothing is for the invited, as in other implementations.
    private func joinRuleName() throws -> String { try state(.joinRules)?.content.string("join_rule") ?? "invite" }

    private func joinRule() throws -> JoinRule {
        switch try joinRuleName() {
        case "public": .open
        case "invite": .invite
        case "knock" where rules.hasKnocking: .knock
        case "restricted" where rules.hasRestrictedJoins: .restricted
        case "knock_restricted" where rules.hasKnockRestricted: .restricted
        default: .other
        }
    }

    private func allowsKnocking() throws -> Bool {
        switch try joinRuleName() {
        case "knock": true
        case "knock_restricted": rules.hasKnockRestricted
        default: false
        }
    }
}
