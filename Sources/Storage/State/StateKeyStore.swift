package import MatrixCore
import SQLEngine

/// The numbers of (type, state key) pairs.
extension RoomStores {
    /// The pair's number, given to it now if it has none.
    package func intern(_ key: StateKey) throws -> StateKeyNumber {
        if let number = try number(of: key) { return number }
        let number = try transaction.first(
            "INSERT INTO state_keys (type, state_key) VALUES ($1, $2) RETURNING number",
            .text(key.type.string), .text(key.key)
        ) { $0.int(0) }
        guard let number else { throw StorageError.damaged("state key was not numbered") }
        publish { [caches] in caches.keyNumbers.insert(number, for: key) }
        return number
    }

    /// The pair's number; `nil` if no state event ever had this key.
    package func number(of key: StateKey) throws -> StateKeyNumber? {
        if let number = caches.keyNumbers[key] { return number }
        let number = try transaction.first(
            "SELECT number FROM state_keys WHERE state_key = $1 AND type = $2",
            .text(key.key), .text(key.type.string)
        ) { $0.int(0) }
        if let number { publish { [caches] in caches.keyNumbers.insert(number, for: key) } }
        return number
    }

    package func key(_ number: StateKeyNumber) throws -> StateKey {
        if let key = caches.keys[number] { return key }
        let key = try transaction.first(
            "SELECT type, state_key FROM state_keys WHERE number = $1", .integer(number)
        ) { StateKey(EventType($0.text(0)), $0.text(1)) }
        guard let key else { throw StorageError.damaged("state key \(number) is missing") }
        publish { [caches] in caches.keys.insert(key, for: number) }
        return key
    }

    /// The number of a user: that of their member event's key.
    package func userNumber(_ user: UserID) throws -> StateKeyNumber? { try number(of: .member(user)) }
    package func user(_ number: StateKeyNumber) throws -> UserID { UserID(trusted: try key(number).key) }
}
