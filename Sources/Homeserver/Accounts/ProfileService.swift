package import MatrixCore
import ModuleAPI
package import SQLEngine
import Storage

/// Is told of changed names and avatars, to put them into the user's rooms.
package protocol ProfileObserver: Sendable {
    /// The user has another name or avatar, these.
    /// - Parameter requester: Who changed it: the user, or an administrator.
    func profileChanged(user: UserID, displayName: String?, avatarURL: String?, requester: Requester) async
}

/// What the configuration says about profiles.
package struct ProfileSettings: Sendable {
    package var serverName: ServerName
    /// Whether users may change a name they have (`enable_set_displayname`).
    package var allowsDisplayNameChanges = true
    /// Whether users may change an avatar they have (`enable_set_avatar_url`).
    package var allowsAvatarChanges = true
    /// Whether profiles are for logged-in users (`require_auth_for_profile_requests`).
    package var requiresAuthentication = false
    /// Whether profiles are for users who share a room (`limit_profile_requests_to_users_who_share_rooms`).
    package var limitsToSharedRooms = false
    /// Whether two users are in a room together.
    package var sharesRoom: @Sendable (UserID, UserID) async throws -> Bool = { _, _ in false }

    package init(serverName: ServerName) { self.serverName = serverName }
}

/// What users tell everyone about themselves.
///
/// Spec: [Profiles](https://spec.matrix.org/v1.19/client-server-api/#profiles).
package final class ProfileService: Sendable {
    static let maximumDisplayName = 256
    private static let maximumAvatarURL = 1000
    private static let maximumKeyBytes = 255
    private static let maximumProfileBytes = 65536

    package let settings: ProfileSettings
    private let database: any Database
    private let modules: ModuleRegistry
    private let observer: (any ProfileObserver)?

    package init(
        database: any Database, settings: ProfileSettings, modules: ModuleRegistry, observer: (any ProfileObserver)?
    ) {
        self.modules = modules
        self.database = database
        self.settings = settings
        self.observer = observer
    }

    /// A user's whole profile, as the API gives it.
    /// - Throws: 404 if there is no such user or nothing in the profile; 401 or 403 if it is not for `requester`.
    package func profile(of user: UserID, for requester: Requester?) async throws -> JSONObject {
        let profile = try await find(user, for: requester).object
        guard !profile.isEmpty else { throw MatrixError.noProfile }
        return profile
    }

    /// One field of a profile; `nil` for a name or avatar that is not set.
    /// - Throws: As ``profile(of:for:)``, and 404 for another field that is not set.
    package func field(_ key: String, of user: UserID, for requester: Requester?) async throws -> JSON? {
        try Self.validate(key: key)
        let profile = try await find(user, for: requester)
        switch key {
        case "displayname": return profile.displayName.map { .string($0) }
        case "avatar_url": return profile.avatarURL.map { .string($0) }
        default:
            guard let value = profile.fields[key] else { throw MatrixError.noProfile }
            return value
        }
    }

    /// Sets a field, or with `nil` removes it.
    ///
    /// - Throws: 400 for a value that is too long or of a wrong type, and for another's profile (403 for a field other
    ///   than name and avatar); 403 where the server keeps users from changing it; 404 for a user there is not.
    package func setField(_ key: String, to value: JSON?, of user: UserID, by requester: Requester) async throws {
        try Self.validate(key: key)
        guard user.server == settings.serverName else {
            throw MatrixError.unknown("User is not hosted on this homeserver")
        }
        if requester.user != user, !requester.isAdmin { throw Self.foreign(key) }
        let text = try Self.text(value, for: key)
        let settings = settings
        let change = try await database.write { transaction -> (old: Storage.UserProfile, new: Storage.UserProfile) in
            guard let account = try transaction.accounts.account(of: user), !account.isDeactivated else {
                throw MatrixError.noProfile
            }
            let old = try transaction.profiles.profile(ofAccount: account.number) ?? Storage.UserProfile()
            var new = old
            switch key {
            case "displayname":
                if !settings.allowsDisplayNameChanges, !requester.isAdmin, old.displayName != nil {
                    throw MatrixError.forbidden("Changing display name is disabled on this server")
                }
                new.displayName = text
            case "avatar_url":
                if !settings.allowsAvatarChanges, !requester.isAdmin, old.avatarURL != nil {
                    throw MatrixError.forbidden("Changing avatar is disabled on this server")
                }
                new.avatarURL = text
            default: new.fields[key] = value
            }
            if new.object.encoded().count > Self.maximumProfileBytes {
                throw MatrixError(status: 400, code: .profileTooLarge, message: "Profile too large")
            }
            try transaction.profiles.set(new, ofAccount: account.number)
            return (old, new)
        }
        await modules.onProfileUpdate(
            user,
            profile: ModuleAPI.UserProfile(displayName: change.new.displayName, avatarURL: change.new.avatarURL),
            byAdmin: requester.isAdmin, isDeactivation: false)
        guard change.old.displayName != change.new.displayName || change.old.avatarURL != change.new.avatarURL else {
            return
        }
        await observer?.profileChanged(
            user: user, displayName: change.new.displayName, avatarURL: change.new.avatarURL, requester: requester)
    }

    // MARK: Parts

    private func find(_ user: UserID, for requester: Requester?) async throws -> Storage.UserProfile {
        if settings.requiresAuthentication || settings.limitsToSharedRooms {
            guard let requester else {
                throw MatrixError(status: 401, code: .missingToken, message: "Missing access token")
            }
            if settings.limitsToSharedRooms, requester.user != user,
                try await !settings.sharesRoom(requester.user, user)
            {
                throw MatrixError.forbidden("Profile isn't available")
            }
        }
        guard let profile = try await database.read({ try $0.profiles.profile(of: user) }) else {
            throw MatrixError.noProfile
        }
        return profile
    }

    /// Checks a field's name: one of those in the specification, or one of the common namespaced identifier grammar.
    private static func validate(key: String) throws(MatrixError) {
        if key.utf8.count > maximumKeyBytes {
            throw MatrixError(status: 400, code: .keyTooLarge, message: "Field name too long")
        }
        let isValid =
            key.utf8.first.map { (0x61...0x7A).contains($0) } == true
            && key.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".")
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
        if !isValid { throw .invalidParam("Field name does not follow Common Namespaced Identifier Grammar") }
    }

    /// The text of a name or avatar; empty is none.
    private static func text(_ value: JSON?, for key: String) throws(MatrixError) -> String? {
        guard key == "displayname" || key == "avatar_url", let value else { return nil }
        guard let text = value.stringValue else { throw .invalidParam("'\(key)' must be a string") }
        let length = text.unicodeScalars.count
        if key == "displayname", length > maximumDisplayName {
            throw .unknown("Displayname is too long (max \(maximumDisplayName))")
        }
        if key == "avatar_url", length > maximumAvatarURL {
            throw .unknown("Avatar URL is too long (max \(maximumAvatarURL))")
        }
        if text.utf8.contains(0) { throw .invalidParam("'\(key)' contains a null character") }
        return text.isEmpty ? nil : text
    }

    private static func foreign(_ key: String) -> MatrixError {
        switch key {
        case "displayname", "avatar_url":
            MatrixError(status: 400, code: .forbidden, message: "Cannot set another user's \(key)")
        default: .forbidden("Cannot set another user's profile")
        }
    }
}

extension MatrixError {
    fileprivate static let noProfile = MatrixError.notFound("Profile was not found")
}
