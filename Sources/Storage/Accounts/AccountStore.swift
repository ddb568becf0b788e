package import MatrixCore
package import SQLEngine

/// A user who has an account on this server.
package struct Account: Sendable {
    /// What other tables call the account.
    package let number: Int64
    package let user: UserID
    /// The bcrypt hash of password and pepper; `nil` if the user cannot log in with a password.
    package var passwordHash: String?
    package var isGuest: Bool
    package var isAdmin: Bool
    /// A kind of user other than the ordinary one, such as `bot` or `support`.
    package var userType: String?
    package var createdAt: Timestamp
    package var isDeactivated: Bool
    package var isShadowBanned: Bool
    package var isLocked: Bool
    package var isSuspended: Bool
    /// The application service that made the account.
    package var appservice: String?
}

/// What an account is made with.
package struct NewAccount: Sendable {
    package var user: UserID
    package var passwordHash: String?
    package var isGuest = false
    package var isAdmin = false
    package var isShadowBanned = false
    package var userType: String?
    package var appservice: String?
    package var createdAt: Timestamp

    package init(user: UserID, createdAt: Timestamp) {
        self.user = user
        self.createdAt = createdAt
    }
}

extension Transaction {
    package var accounts: AccountStore { AccountStore(self) }
}

/// The accounts on this server.
package struct AccountStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    static let columns = """
        number, name, password_hash, is_guest, admin, user_type, creation_ts, deactivated, shadow_banned, locked, \
        suspended, appservice_id
        """

    /// The same columns of the table that a query calls `table`.
    static func columns(of table: String) -> String {
        columns.split(separator: ", ").map { "\(table).\($0)" }.joined(separator: ", ")
    }

    package func account(of user: UserID) throws -> Account? {
        try transaction.first("SELECT \(Self.columns) FROM users WHERE name = $1", .text(user.string)) { Account($0) }
    }

    package func account(number: Int64) throws -> Account? {
        try transaction.first("SELECT \(Self.columns) FROM users WHERE number = $1", .integer(number)) { Account($0) }
    }

    /// The accounts whose user ID is `user` but for the case of ASCII letters, at most ten.
    package func accounts(ignoringCaseOf user: UserID) throws -> [Account] {
        try transaction.all(
            "SELECT \(Self.columns) FROM users WHERE lower(name) = lower($1) ORDER BY number LIMIT 10",
            .text(user.string)
        ) { Account($0) }
    }

    /// Whether the user ID is taken, without regard to ASCII case, deactivated accounts included.
    package func isTaken(_ user: UserID) throws -> Bool {
        try transaction.first("SELECT 1 FROM users WHERE lower(name) = lower($1) LIMIT 1", .text(user.string)) { _ in
            true
        }
            ?? false
    }

    /// Adds an account.
    /// - Returns: The account, or `nil` if there is one with this user ID.
    package func insert(_ new: NewAccount) throws -> Account? {
        let number = try transaction.first(
            """
            INSERT INTO users (name, password_hash, is_guest, admin, user_type, creation_ts, appservice_id, shadow_banned)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING number
            """,
            .text(new.user.string), .optional(new.passwordHash), .bool(new.isGuest), .bool(new.isAdmin),
            .optional(new.userType), .integer(new.createdAt.milliseconds), .optional(new.appservice),
            .bool(new.isShadowBanned)
        ) { $0.int(0) }
        guard let number else { return nil }
        return Account(
            number: number, user: new.user, passwordHash: new.passwordHash, isGuest: new.isGuest, isAdmin: new.isAdmin,
            userType: new.userType, createdAt: new.createdAt, isDeactivated: false,
            isShadowBanned: new.isShadowBanned,
            isLocked: false, isSuspended: false, appservice: new.appservice)
    }

    /// A number no account's localpart is made of, for a user ID the server chooses.
    package func unusedNumber() throws -> Int64 {
        try transaction.first("SELECT COALESCE(MAX(number), 0) + 1 FROM users") { $0.int(0) } ?? 1
    }

    package func setPasswordHash(_ hash: String?, of account: Int64) throws {
        try transaction.execute(
            "UPDATE users SET password_hash = $2 WHERE number = $1", .integer(account), .optional(hash))
    }

    package func setAdmin(_ isAdmin: Bool, of account: Int64) throws {
        try transaction.execute("UPDATE users SET admin = $2 WHERE number = $1", .integer(account), .bool(isAdmin))
    }

    package func setLocked(_ isLocked: Bool, of account: Int64) throws {
        try transaction.execute("UPDATE users SET locked = $2 WHERE number = $1", .integer(account), .bool(isLocked))
    }

    package func setShadowBanned(_ isShadowBanned: Bool, of account: Int64) throws {
        try transaction.execute(
            "UPDATE users SET shadow_banned = $2 WHERE number = $1", .integer(account), .bool(isShadowBanned))
    }

    /// Marks the account as gone and forgets its password.
    /// - Parameter erasing: Whether its user asked to be forgotten.
    package func deactivate(_ account: Int64, erasing: Bool = false) throws {
        try transaction.execute(
            """
            UPDATE users SET deactivated = 1, password_hash = NULL, erased = CASE WHEN $2 = 1 THEN 1 ELSE erased END
            WHERE number = $1
            """,
            .integer(account), .bool(erasing))
    }
}

extension Account {
    /// Reads the columns of ``AccountStore/columns``, beginning at `first`.
    init(_ row: borrowing Row, from first: Int = 0) {
        number = row.int(first)
        user = UserID(trusted: row.text(first + 1))
        passwordHash = row.optionalText(first + 2)
        isGuest = row.bool(first + 3)
        isAdmin = row.bool(first + 4)
        userType = row.optionalText(first + 5)
        createdAt = Timestamp(milliseconds: row.int(first + 6))
        isDeactivated = row.bool(first + 7)
        isShadowBanned = row.bool(first + 8)
        isLocked = row.bool(first + 9)
        isSuspended = row.bool(first + 10)
        appservice = row.optionalText(first + 11)
    }
}
