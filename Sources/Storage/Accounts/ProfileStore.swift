package import MatrixCore
package import SQLEngine

/// What a user tells everyone about themself.
///
/// Spec: [Profiles](https://spec.matrix.org/v1.19/client-server-api/#profiles).
package struct UserProfile: Hashable, Sendable {
    package var displayName: String?
    package var avatarURL: String?
    /// The fields other than `displayname` and `avatar_url`.
    package var fields: JSONObject

    package init(displayName: String? = nil, avatarURL: String? = nil, fields: JSONObject = [:]) {
        self.displayName = displayName
        self.avatarURL = avatarURL
        self.fields = fields
    }

    /// The profile as the API gives it: fields that are not set are left out.
    package var object: JSONObject {
        var object: JSONObject = [:]
        if let displayName { object.appendNew("displayname", .string(displayName)) }
        if let avatarURL { object.appendNew("avatar_url", .string(avatarURL)) }
        for (key, value) in fields { object[key] = value }
        return object
    }
}

extension Transaction {
    package var profiles: ProfileStore { ProfileStore(self) }
}

/// The profiles of local users.
package struct ProfileStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// The profile of a user with an account here; `nil` if there is none.
    package func profile(of user: UserID) throws -> UserProfile? {
        try transaction.first(
            """
            SELECT p.displayname, p.avatar_url, p.fields
            FROM users u JOIN profiles p ON p.user_number = u.number WHERE u.name = $1
            """,
            .text(user.string)
        ) { UserProfile($0) }
    }

    package func profile(ofAccount account: Int64) throws -> UserProfile? {
        try transaction.first(
            "SELECT displayname, avatar_url, fields FROM profiles WHERE user_number = $1", .integer(account)
        ) { UserProfile($0) }
    }

    package func set(_ profile: UserProfile, ofAccount account: Int64) throws {
        let fields = profile.fields.isEmpty ? nil : String(decoding: profile.fields.encoded(), as: UTF8.self)
        try transaction.execute(
            """
            INSERT INTO profiles (user_number, displayname, avatar_url, fields) VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_number) DO UPDATE SET displayname = excluded.displayname,
                avatar_url = excluded.avatar_url, fields = excluded.fields
            """,
            .integer(account), .optional(profile.displayName), .optional(profile.avatarURL), .optional(fields))
    }

    package func delete(ofAccount account: Int64) throws {
        try transaction.execute("DELETE FROM profiles WHERE user_number = $1", .integer(account))
    }
}

extension UserProfile {
    fileprivate init(_ row: borrowing Row) {
        displayName = row.optionalText(0)
        avatarURL = row.optionalText(1)
        fields = row.optionalText(2).flatMap { try? JSONObject.parse(Array($0.utf8)) } ?? [:]
    }
}
