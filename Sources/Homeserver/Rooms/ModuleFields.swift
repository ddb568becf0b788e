import MatrixCore
import SQLEngine
import Storage

/// What modules add to the `unsigned` of events that clients are told (`add_field_to_unsigned_callback`).
///
/// Answers are put together within a transaction, where no module may be asked. So each event in them bears a mark, which is
/// then replaced by its fields: between two zero bytes, which no JSON text holds, the event's number and which keys the
/// server has set itself.
struct ModuleFields: Sendable {
    private let modules: ModuleRegistry
    private let database: any Database
    private let caches: StorageCaches

    init(modules: ModuleRegistry, database: any Database, caches: StorageCaches) {
        self.modules = modules
        self.database = database
        self.caches = caches
    }

    /// Whether events must be marked.
    var isWanted: Bool { modules.has(.addFieldToUnsigned) }

    /// The server's own keys of an event's `unsigned`, over which modules have no say. None set means that it is empty.
    struct ServerKeys: OptionSet {
        let rawValue: UInt8
        static let age = ServerKeys(rawValue: 1)
        static let membership = ServerKeys(rawValue: 2)
        static let transaction = ServerKeys(rawValue: 4)
        static let replaced = ServerKeys(rawValue: 8)
        static let redaction = ServerKeys(rawValue: 16)
        static let others = ServerKeys(rawValue: 32)

        private static let names: [(key: ServerKeys, names: [String])] = [
            (.age, ["age", "age_ts"]), (.membership, ["membership"]), (.transaction, ["transaction_id"]),
            (.replaced, ["prev_content", "prev_sender", "replaces_state"]),
            (.redaction, ["redacted_by", "redacted_because"]),
        ]

        /// The keys of an `unsigned` object.
        init(of unsigned: JSONObject) {
            self = unsigned.isEmpty ? [] : .others
            for (key, names) in Self.names where names.contains(where: unsigned.contains) { insert(key) }
        }

        init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Takes the server's keys away from a module's fields.
        func strike(from fields: inout JSONObject) {
            for (key, names) in Self.names where contains(key) { for name in names { fields[name] = nil } }
        }
    }

    private static let bound: UInt8 = 0

    /// Marks the end of an event's `unsigned`, before its closing brace.
    static func appendMark(_ event: EventNumber, beside keys: ServerKeys, to output: inout [UInt8]) {
        output.append(bound)
        output.appendDecimal(event)
        output.append(UInt8(ascii: " "))
        output.appendDecimal(Int64(keys.rawValue))
        output.append(bound)
    }

    /// Replaces the marks in an answer by what modules add to the events; asks once for each event.
    /// - Parameter filter: What of each event the client wants, if not all.
    func fill(_ marked: [UInt8], _ filter: SyncFilter? = nil) async throws -> [UInt8] {
        // Every other part is a mark.
        let parts = marked.split(separator: Self.bound, omittingEmptySubsequences: false)
        guard parts.count > 1 else { return marked }
        let marks = parts.indices.map { $0.isMultiple(of: 2) ? nil : Self.mark(parts[$0]) }
        let fields = try await fields(of: marks.compactMap { $0?.event }, filter)
        var output: [UInt8] = []
        output.reserveCapacity(marked.count + fields.count * 50)
        for (part, mark) in zip(parts, marks) {
            guard let mark else {
                output.append(contentsOf: part)
                continue
            }
            guard var fields = fields[mark.event] else { continue }
            mark.keys.strike(from: &fields)
            var isFirst = mark.keys.isEmpty
            for (key, value) in fields {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                output.appendJSONString(key)
                output.append(UInt8(ascii: ":"))
                value.encode(into: &output)
            }
        }
        return output
    }

    private static func mark(_ text: ArraySlice<UInt8>) -> (event: EventNumber, keys: ServerKeys)? {
        let numbers = text.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard numbers.count == 2, let event = EventNumber(numbers[0]), let keys = UInt8(numbers[1]) else { return nil }
        return (event, ServerKeys(rawValue: keys))
    }

    /// What modules add to events, asked for in this order.
    private func fields(of events: [EventNumber], _ filter: SyncFilter?) async throws -> [EventNumber: JSONObject] {
        var fields: [EventNumber: JSONObject] = [:]
        let parsed = try await database.read { [caches] in
            try RoomStores($0, caches: caches, .reading).parsedEvents(Array(Set(events)))
        }
        for number in events where fields[number] == nil {
            guard let event = parsed[number] else { continue }
            var added = try await modules.extraUnsignedFields(of: event)
            if let filter, filter.eventFields != nil {
                added = filter.reduce(["unsigned": .object(added)]).object("unsigned") ?? [:]
            }
            fields[number] = added
        }
        return fields
    }
}
