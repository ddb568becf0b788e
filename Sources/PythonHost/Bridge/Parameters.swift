import MatrixCore

/// The parameters of a call of the host, read with errors that name what is wrong.
struct Parameters: Sendable {
    let object: JSONObject

    private func wrong(_ key: String, _ wanted: String) -> HostError {
        object.contains(key) ? .type("\(key) must be \(wanted)") : .type("\(key) is missing; it must be \(wanted)")
    }

    func string(_ key: String) throws -> String {
        guard let value = object.string(key) else { throw wrong(key, "a string") }
        return value
    }

    func optionalString(_ key: String) throws -> String? {
        switch object[key] {
        case nil, .null?: return nil
        case .string(let value)?: return value
        default: throw wrong(key, "a string or None")
        }
    }

    func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
        switch (object[key], fallback) {
        case (.bool(let value)?, _): return value
        // Modules pass the numbers of databases.
        case (.integer(let value)?, _): return value != 0
        case (nil, let fallback?), (.null?, let fallback?): return fallback
        default: throw wrong(key, "a bool")
        }
    }

    func integer(_ key: String, default fallback: Int64? = nil) throws -> Int64 {
        switch (object[key], fallback) {
        case (.integer(let value)?, _): return value
        case (.double(let value)?, _) where value.magnitude < 9e15: return Int64(value)
        case (nil, let fallback?), (.null?, let fallback?): return fallback
        default: throw wrong(key, "an integer")
        }
    }

    func optionalInteger(_ key: String) throws -> Int64? {
        guard let value = object[key], !value.isNull else { return nil }
        return try integer(key)
    }

    func object(_ key: String) throws -> JSONObject {
        guard let value = object.object(key) else { throw wrong(key, "a dict") }
        return value
    }

    func strings(_ key: String) throws -> [String] {
        switch object[key] {
        case nil, .null?: return []
        case let value?:
            guard let strings = value.stringArrayValue else { throw wrong(key, "a list of strings") }
            return strings
        }
    }

    // MARK: Identifiers

    /// An identifier that must be one, with Synapse's answer to one that is not.
    func identifier<ID: MatrixIdentifier>(_ key: String, _ kind: ID.Type) throws -> ID {
        let text = try string(key)
        guard let id = ID(text) else {
            throw MatrixError(
                status: 400, code: .invalidParam, message: "\(key) is not valid: \(bounded(text, to: 300))")
        }
        return id
    }

    func user(_ key: String = "user_id") throws -> UserID { try identifier(key, UserID.self) }
    func room(_ key: String = "room_id") throws -> RoomID { try identifier(key, RoomID.self) }

    /// An identifier of something to look for: what cannot be one is not there.
    func lookedFor<ID: MatrixIdentifier>(_ key: String, _ kind: ID.Type) throws -> ID? { ID(try string(key)) }
}
