/// A statement, a commit or a connection failed.
package struct SQLError: Error, Hashable, CustomStringConvertible {
    /// What a caller may want to tell apart.
    package enum Kind: Sendable {
        /// A row with this key exists already.
        case uniqueViolation
        /// Another constraint: foreign key, `NOT NULL`, `CHECK`.
        case constraintViolation
        /// Another process holds what is needed; the same call may succeed later.
        case busy
        /// The connection broke before the transaction was committed: it left no trace.
        case connectionLost
        /// The connection broke during `COMMIT`: the transaction is on disk or it is not. Never retried by us.
        case outcomeUnknown
        /// The database was closed.
        case closed
        case other
    }

    package let kind: Kind
    /// The engine's words, without values.
    package let message: String
    /// The statement, if one was to blame. Values are bound, so it holds none.
    package let sql: String?

    package init(_ kind: Kind, _ message: String, sql: String? = nil) {
        self.kind = kind
        self.message = message
        self.sql = sql
    }

    package var description: String {
        if let sql {
            "\(message) (in: \(sql))"
        } else {
            message
        }
    }

    /// What a call gets that arrives after ``Database/close()``.
    static let closed = SQLError(.closed, "the database is closed")
}
