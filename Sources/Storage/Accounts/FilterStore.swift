import MatrixCore
package import SQLEngine

extension Transaction {
    package var filters: FilterStore { FilterStore(self) }
}

/// The filters users have uploaded for `/sync`.
package struct FilterStore {
    private let transaction: Transaction

    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// The filter's JSON text; `nil` if the user has no filter of this number.
    package func filter(_ number: Int64, of account: Int64) throws -> String? {
        try transaction.first(
            "SELECT filter FROM user_filters WHERE user_number = $1 AND filter_number = $2", .integer(account),
            .integer(number)
        ) { $0.text(0) }
    }

    /// The number of the user's filter whose canonical JSON has this SHA-256.
    package func number(digest: [UInt8], of account: Int64) throws -> Int64? {
        try transaction.first(
            "SELECT filter_number FROM user_filters WHERE user_number = $1 AND digest = $2", .integer(account),
            .blob(digest)
        ) { $0.int(0) }
    }

    /// Stores a filter the user does not have yet.
    /// - Returns: Its number; a user's first is 0.
    package func insert(_ filter: String, digest: [UInt8], of account: Int64) throws -> Int64 {
        let number =
            try transaction.first(
                "SELECT COALESCE(MAX(filter_number), -1) + 1 FROM user_filters WHERE user_number = $1",
                .integer(account)
            ) { $0.int(0) } ?? 0
        try transaction.execute(
            "INSERT INTO user_filters (user_number, filter_number, digest, filter) VALUES ($1, $2, $3, $4)",
            .integer(account), .integer(number), .blob(digest), .text(filter))
        return number
    }
}
