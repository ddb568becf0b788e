// The rules on `m.room.power_levels`: rule 9, in versions 1 to 5 and 12 rule 10.
extension AuthorizationCheck {
    /// The subrule that is 1, 2, … 7 in version 1, where later versions have put others before it.
    private func refuse(levels rule: Int, _ subrules: Int..., because reason: String) -> AuthorizationFailure {
        let first = rules.requiresIntegerPowerLevels ? 2 : 0
        let second = rule > 1 && rules.creatorsHaveInfinitePower ? 1 : 0
        return AuthorizationFailure(.powerLevels, [rule + first + second] + subrules, reason, in: event.version)
    }

    /// - Parameters:
    ///   - current: What holds in the room.
    ///   - senderLevel: The sender's level in `current`.
    func checkPowerLevels(current: PowerLevels, senderLevel: Int64) throws {
        try checkForm(current: current)
        // If there is no previous m.room.power_levels event in the room, allow.
        guard current.isExplicit else { return }
        let change = Change(
            old: current, new: PowerLevels(content: event.content, create: nil, version: event.version),
            limit: senderLevel)
        for action in PowerLevels.Action.allCases { try check(action, change) }
        try check(map: "events", change)
        if rules.limitsNotifications { try check(map: "notifications", change) }
        try checkUsers(change)
    }

    /// One change of power levels, by a sender of level `limit`.
    private struct Change {
        let old: PowerLevels
        let new: PowerLevels
        let limit: Int64
    }

    /// The subrules on how the content must be written.
    private func checkForm(current: PowerLevels) throws {
        if rules.requiresIntegerPowerLevels {
            // 1 from version 10: levels that are present must be integers.
            for action in PowerLevels.Action.allCases {
                guard event.content[action.rawValue].map(isLevel) ?? true else {
                    throw refuse(.powerLevels, 1, because: "'\(action.rawValue)' must be an integer")
                }
            }
            // 2 from version 10: events and notifications, if present, must be objects of integers.
            for map in ["events", "notifications"] {
                guard let value = event.content[map] else { continue }
                guard let levels = value.objectValue, levels.allSatisfy({ isLevel($0.value) }) else {
                    throw refuse(.powerLevels, 2, because: "'\(map)' must be an object of integers")
                }
            }
        }
        // If users is not an object with keys that are valid user IDs with values that are levels, reject.
        guard let value = event.content["users"] else { return }
        guard let users = value.objectValue else {
            throw refuse(levels: 1, because: "'users' must be an object")
        }
        for (user, level) in users {
            guard UserID(user) != nil else { throw refuse(levels: 1, because: "'\(user)' is not a valid user ID") }
            guard isLevel(level) else {
                throw refuse(levels: 1, because: "The power level of \(user) must be an integer")
            }
        }
        // 4 from version 12: if users contains a creator, reject.
        if rules.creatorsHaveInfinitePower,
            let creator = users.first(where: { current.isCreator(UserID(trusted: $0.key)) })
        {
            throw refuse(
                .powerLevels, 4, because: "\(creator.key) created the room and cannot be given a power level")
        }
    }

    private func isLevel(_ value: JSON) -> Bool { rules.powerLevel(value) != nil }

    /// For levels that were added, changed or removed: neither the old nor the new may be above the sender's. One that
    /// is absent is not compared, as in other implementations.
    private func check(_ action: PowerLevels.Action, _ change: Change) throws {
        let (old, new) = (change.old.explicit(action), change.new.explicit(action))
        if old == new { return }
        if let old, old > change.limit { throw refuse(levels: 3, 1, because: tooHigh(action.rawValue)) }
        if let new, new > change.limit { throw refuse(levels: 3, 2, because: tooHigh(action.rawValue)) }
        if new == nil { try checkIsLevel(event.content[action.rawValue], levels: 3, of: action.rawValue) }
    }

    /// For entries that were added, changed or removed: neither the old nor the new may be above the sender's.
    private func check(map: String, _ change: Change) throws {
        for entry in changes(of: map, change) {
            if let old = entry.old, old > change.limit { throw refuse(levels: 4, 1, because: tooHigh(entry.key)) }
            if let new = entry.new, new > change.limit { throw refuse(levels: 5, 1, because: tooHigh(entry.key)) }
            if entry.new == nil {
                try checkIsLevel(change.new.explicit(map)?[entry.key], levels: 5, of: entry.key)
            }
        }
    }

    /// Nobody changes the level of one who stands as high as themselves, nor raises anybody above.
    private func checkUsers(_ change: Change) throws {
        for entry in changes(of: "users", change) {
            if let old = entry.old, old >= change.limit, !entry.key.hasSameBytes(as: event.sender.string) {
                throw refuse(
                    levels: 6, 1, because: "You don't have permission to change the power level of \(entry.key)")
            }
            if let new = entry.new, new > change.limit {
                throw refuse(
                    levels: 7, 1, because: "You don't have permission to give a power level above your own")
            }
        }
    }

    private func tooHigh(_ name: String) -> String {
        "You don't have permission to change the power level of '\(name)', which is or would be above your own"
    }

    /// Where a version does not check the form, something that is no level still must not replace one.
    private func checkIsLevel(_ value: JSON?, levels rule: Int, of name: String) throws {
        guard let value, !isLevel(value) else { return }
        throw refuse(levels: rule, because: "The power level of '\(name)' must be an integer")
    }

    /// The entries of a map that differ, each once; a value that is no level is none.
    private func changes(of map: String, _ change: Change) -> [(key: String, old: Int64?, new: Int64?)] {
        let (old, new) = (change.old.explicit(map), change.new.explicit(map))
        var oldLevels: [EntryName: Int64] = [:]
        for (key, value) in old ?? [:] { oldLevels[EntryName(string: key)] = rules.powerLevel(value) }
        var changes: [(key: String, old: Int64?, new: Int64?)] = []
        for (key, value) in new ?? [:] {
            let before = oldLevels.removeValue(forKey: EntryName(string: key))
            let after = rules.powerLevel(value)
            if before != after { changes.append((key, before, after)) }
        }
        // What is left was removed; sorted, so that a refusal is the same on every run.
        for (key, before) in oldLevels.sorted(by: { $0.key < $1.key }) { changes.append((key.string, before, nil)) }
        return changes
    }
}

private struct EntryName: ByteComparable {
    let string: String
}
