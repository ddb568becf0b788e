package import MatrixCore

/// An option of `homeserver.yaml` that is known, and what becomes of it.
package struct KnownOption: Sendable {
    package enum Status: Hashable, Sendable {
        /// Has the effect that Synapse's manual gives it.
        case used
        /// Has no effect, and need not have one; the text says why.
        case ignored(String)
        /// Has no effect yet. Named in a warning at start-up if it asks for something.
        case unsupported
        /// Ignoring it would be unsafe, as the text says. The server does not start if it asks for something.
        case refused(String)
    }

    /// The dotted name. Entries of lists have no part of their own in it: `listeners.port`.
    package let name: String
    package let status: Status
    /// The value that asks for nothing, Synapse's default, where that is a simple one.
    package let defaultValue: JSON?
    /// The names, below this one, of options that share this one's status.
    package let members: [String]

    init(_ name: String, _ status: Status, default value: JSON? = nil, members: [String] = []) {
        (self.name, self.status, self.defaultValue, self.members) = (name, status, value, members)
    }

    /// Whether `value` asks for anything that this server would have to do.
    func asksForSomething(_ value: JSON) -> Bool {
        switch value {
        case .null: return false
        case .array(let values): return !values.isEmpty
        case .object(let object): return !object.isEmpty && object["enabled"] != .bool(false)
        case .bool(false):
            if case .refused = status { return false }
            return value != defaultValue
        default: return value != defaultValue
        }
    }
}

/// The options of one section of Synapse's manual, or the ones beside it.
package struct OptionSection: Sendable {
    package let title: String
    package let options: [KnownOption]

    init(_ title: String, _ options: [KnownOption]) { (self.title, self.options) = (title, options) }

    /// The options and their members, each by its whole name.
    package var flattened: [KnownOption] {
        options.flatMap { option in
            [option] + option.members.map { KnownOption("\(option.name).\($0)", option.status) }
        }
    }
}

/// Every option that is known.
package enum OptionTable {
    /// The options of Synapse's manual.
    package static let synapse: [OptionSection] = server + accounts + features + experimental

    /// The options that are not in Synapse's manual.
    package static let additions: [OptionSection] = [
        OptionSection(
            "Axolemma's own",
            [
                KnownOption("data_directory", .used),
                KnownOption(
                    "module_settings", .used,
                    members: [
                        "python", "callback_timeout", "check_event_allowed_over_federation", "python_memory_limit",
                    ]),
            ]),
        OptionSection(
            "Older forms",
            [
                KnownOption("signing_key", .used),
                KnownOption("listeners.bind_address", .used),
                KnownOption("ui_auth.session_timeout", .used),
                KnownOption("use_presence", .used),
                KnownOption("experimental_features", .used),
                KnownOption("experimental_features.msc3861", .refused(authenticationService)),
                KnownOption("account_validity", .refused("accounts would not expire")),
                KnownOption("spam_checker", .used),
                KnownOption("third_party_event_rules", .used),
                KnownOption("password_providers", .used),
                KnownOption("ldap_config", .used),
                KnownOption("presence.presence_router", .used),
                KnownOption("enable_group_creation", .ignored("groups are gone from the specification")),
            ]),
    ]

    static let oneProcess = "one process does everything"
    static let authenticationService =
        "the Matrix Authentication Service decides who has access, and would not be asked"
    static let noUserCap = "has no effect without a cap on monthly active users"

    /// All options by their whole names.
    package static let byName: [String: KnownOption] = Dictionary(
        (synapse + additions).flatMap(\.flattened).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}
