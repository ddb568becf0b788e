/// The members of a PDU every rule needs, found in one pass.
struct EventHeader {
    private(set) var type: JSON?
    private(set) var stateKey: JSON?
    private(set) var sender: JSON?
    private(set) var roomID: JSON?
    private(set) var eventID: JSON?
    private(set) var content: JSON?
    private(set) var originServerTS: JSON?
    private(set) var depth: JSON?
    private(set) var prevEvents: JSON?
    private(set) var authEvents: JSON?
    private(set) var redacts: JSON?
    private(set) var hashes: JSON?
    private(set) var signatures: JSON?
    private(set) var unsigned: JSON?

    init(_ object: JSONObject) {
        for (key, value) in object.members {
            switch EventField(key) {
            case .type: type = value
            case .stateKey: stateKey = value
            case .sender: sender = value
            case .roomID: roomID = value
            case .eventID: eventID = value
            case .content: content = value
            case .originServerTS: originServerTS = value
            case .depth: depth = value
            case .prevEvents: prevEvents = value
            case .authEvents: authEvents = value
            case .redacts: redacts = value
            case .hashes: hashes = value
            case .signatures: signatures = value
            case .unsigned: unsigned = value
            case .membership, .origin, .prevState, nil: break
            }
        }
    }

    /// The event a redaction redacts, wherever the version keeps it.
    func redactedEvent(rules: EventFormatRules) -> EventID? {
        guard let type = type?.stringValue, EventType(type) == .redaction else { return nil }
        let value = rules.redactsIsInContent ? content?["redacts"] : redacts
        return value?.stringValue.flatMap { EventID($0) }
    }

    /// The IDs in `prev_events` or `auth_events`; `nil` if it is no list of references.
    /// - Parameter read: Makes an ID of a string.
    static func references(_ value: JSON?, rules: EventFormatRules, read: (String) -> EventID?) -> [EventID]? {
        guard case .array(let entries) = value else { return nil }
        var references: [EventID] = []
        references.reserveCapacity(entries.count)
        for entry in entries {
            let reference = rules.referencesCarryHashes ? entry.arrayValue?.first : entry
            guard case .string(let string) = reference, let id = read(string) else { return nil }
            references.append(id)
        }
        return references
    }
}
