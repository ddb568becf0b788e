import Synchronization

/// A thread-safe map that holds at most so much, and lets go of what was not used for longest, roughly (the CLOCK rule).
package final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot {
        var key: Key
        var value: Value
        var cost: Int
        var used: Bool
    }

    private struct Contents {
        var slots: [Slot?] = []
        var places: [Key: Int] = [:]
        var free: [Int] = []
        var hand = 0
        var cost = 0
    }

    private let limit: Int
    private let contents = Mutex(Contents())

    /// - Parameter limit: The greatest sum of the entries' costs.
    package init(limit: Int) { self.limit = limit }

    package subscript(key: Key) -> Value? {
        contents.withLock { contents in
            guard let place = contents.places[key] else { return nil }
            contents.slots[place]?.used = true
            return contents.slots[place]?.value
        }
    }

    /// The values of `keys` that are held, under one lock.
    package func values(of keys: [Key]) -> [Value?] {
        contents.withLock { contents in
            keys.map { key in
                guard let place = contents.places[key] else { return nil }
                contents.slots[place]?.used = true
                return contents.slots[place]?.value
            }
        }
    }

    package func insert(_ value: Value, for key: Key, cost: Int = 1) {
        contents.withLock { contents in
            if let place = contents.places[key] {
                contents.cost += cost - (contents.slots[place]?.cost ?? 0)
                contents.slots[place] = Slot(key: key, value: value, cost: cost, used: true)
            } else {
                let slot = Slot(key: key, value: value, cost: cost, used: false)
                let place: Int
                if let free = contents.free.popLast() {
                    contents.slots[free] = slot
                    place = free
                } else {
                    place = contents.slots.count
                    contents.slots.append(slot)
                }
                contents.places[key] = place
                contents.cost += cost
            }
            Self.evict(from: &contents, limit: limit)
        }
    }

    /// Notes what the entry under `key` costs by now, if it is still held.
    package func setCost(_ cost: Int, of key: Key) {
        contents.withLock { contents in
            guard let place = contents.places[key], let slot = contents.slots[place] else { return }
            contents.cost += cost - slot.cost
            contents.slots[place]?.cost = cost
            Self.evict(from: &contents, limit: limit)
        }
    }

    package func remove(_ key: Key) {
        contents.withLock { contents in
            if let place = contents.places[key] { Self.remove(at: place, from: &contents) }
        }
    }

    /// How many entries are held.
    package var count: Int { contents.withLock { $0.places.count } }

    package func removeAll() { contents.withLock { $0 = Contents() } }

    private static func remove(at place: Int, from contents: inout Contents) {
        guard let slot = contents.slots[place] else { return }
        contents.places[slot.key] = nil
        contents.cost -= slot.cost
        contents.slots[place] = nil
        contents.free.append(place)
    }

    private static func evict(from contents: inout Contents, limit: Int) {
        while contents.cost > limit, !contents.places.isEmpty {
            contents.hand = (contents.hand + 1) % contents.slots.count
            guard let slot = contents.slots[contents.hand] else { continue }
            if slot.used {
                contents.slots[contents.hand]?.used = false
            } else {
                remove(at: contents.hand, from: &contents)
            }
        }
    }
}
