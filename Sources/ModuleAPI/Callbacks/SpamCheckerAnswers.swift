public import MatrixCore

/// A spam checker's answer.
public enum SpamAnswer: Hashable, Sendable {
    /// As far as this module is concerned, yes. Synapse's `NOT_SPAM`.
    case allow
    /// No. The client gets 403, the code, the text (the callback's own if `nil`), and `fields` beside and over them.
    case deny(code: ErrorCode = .forbidden, message: String? = nil, fields: JSONObject = [:])
}

/// An answer of ``SpamChecker/ShouldDropFederatedEvent``.
public enum FederatedEventAnswer: Hashable, Sendable {
    case accept
    case drop
}

/// An answer of ``SpamChecker/CheckUsernameForSpam``.
public enum DirectoryAnswer: Hashable, Sendable {
    case show
    case hide
}

/// An answer of ``SpamChecker/CheckRegistrationForSpam``. Synapse's `RegistrationBehaviour`.
public enum RegistrationAnswer: Hashable, Sendable {
    case allow
    case deny
    /// The account is made, and nobody but its owner ever sees what it sends.
    case shadowBan
}
