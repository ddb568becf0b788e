import Crypto
package import MatrixCore
package import SQLEngine
import Storage
import Synchronization

/// The filters users have stored for `/sync` and `/messages`.
///
/// Spec: [Filtering](https://spec.matrix.org/v1.19/client-server-api/#filtering).
package final class FilterService: Sendable {
    private let database: any Database
    private let cache: Mutex<GenerationalCache<Key, JSONObject>>

    private struct Key: Hashable {
        let account: Int64
        let number: Int64
    }

    /// - Parameter cacheLimit: How many filters are kept in memory; they never change.
    package init(database: any Database, cacheLimit: Int = 1000) {
        self.database = database
        cache = Mutex(GenerationalCache(limit: cacheLimit))
    }

    /// Stores a filter; the same filter again has the same ID.
    /// - Throws: 400 `M_BAD_JSON` if it does not have a filter's form.
    package func store(_ filter: JSONObject, for account: Int64) async throws -> String {
        try FilterFormat.validate(filter)
        // A filter may hold a number that canonical JSON has no form for; it is then told apart by its text alone.
        let text = filter.encoded()
        let digest = Array(SHA256.hash(data: (try? filter.canonical()) ?? text))
        let body = String(decoding: text, as: UTF8.self)
        if let number = try await database.read({ try $0.filters.number(digest: digest, of: account) }) {
            return String(number)
        }
        let number = try await database.write { transaction in
            try transaction.filters.number(digest: digest, of: account)
                ?? transaction.filters.insert(body, digest: digest, of: account)
        }
        return String(number)
    }

    /// A stored filter.
    /// - Throws: 400 if `id` is no number; 404 `M_NOT_FOUND` if the user has no such filter.
    package func filter(_ id: String, of account: Int64) async throws -> JSONObject {
        guard let number = Int64(id) else { throw MatrixError.unknown("Invalid filter_id") }
        let key = Key(account: account, number: number)
        if let filter = cache.withLock({ $0.value(for: key) }) { return filter }
        guard let text = try await database.read({ try $0.filters.filter(number, of: account) }),
            let filter = try? JSONObject.parse(Array(text.utf8))
        else { throw MatrixError.notFound("No such filter") }
        cache.withLock { $0.store(filter, for: key) }
        return filter
    }
}
