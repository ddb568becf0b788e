/// A bounded cache that forgets what has not been used for long.
///
/// It keeps two generations. A value that is stored or found moves to the young one; when that is half the limit, it
/// becomes the old one and what was old is dropped. Every operation is O(1), unlike a list kept in order of use.
struct GenerationalCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let half: Int

    /// - Parameter limit: The most values held; at least 2.
    init(limit: Int) { half = max(1, limit / 2) }

    var count: Int { young.count + old.count }

    mutating func value(for key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        store(value, for: key)
        return value
    }

    mutating func store(_ value: Value, for key: Key) {
        if young.count >= half, young[key] == nil {
            old = young
            young = [:]
        }
        young[key] = value
        old[key] = nil
    }

    mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }

    /// Drops all values that `isStale` is true of, looking at each.
    mutating func removeAll(where isStale: (Value) -> Bool) {
        for (key, value) in young where isStale(value) { young[key] = nil }
        for (key, value) in old where isStale(value) { old[key] = nil }
    }
}
