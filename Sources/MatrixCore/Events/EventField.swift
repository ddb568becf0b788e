/// The members of a PDU that have a meaning of their own.
enum EventField {
    case authEvents, content, depth, eventID, hashes, membership, origin, originServerTS, prevEvents, prevState, redacts
    case roomID, sender, signatures, stateKey, type, unsigned

    init?(_ key: String) {
        let candidates: [(String, EventField)]
        switch key.utf8.count {
        case 4: candidates = Self.ofLength4
        case 5: candidates = Self.ofLength5
        case 6: candidates = Self.ofLength6
        case 7: candidates = Self.ofLength7
        case 8: candidates = Self.ofLength8
        case 9: candidates = Self.ofLength9
        case 10: candidates = Self.ofLength10
        case 11: candidates = Self.ofLength11
        case 16: candidates = Self.ofLength16
        default: return nil
        }
        for (name, field) in candidates where name.hasSameBytes(as: key) {
            self = field
            return
        }
        return nil
    }

    // Sorted by length, so that a key is compared with three names at most.
    private static let ofLength4: [(String, EventField)] = [("type", .type)]
    private static let ofLength5: [(String, EventField)] = [("depth", .depth)]
    private static let ofLength6: [(String, EventField)] = [
        ("hashes", .hashes), ("sender", .sender), ("origin", .origin),
    ]
    private static let ofLength7: [(String, EventField)] = [
        ("content", .content), ("room_id", .roomID), ("redacts", .redacts),
    ]
    private static let ofLength8: [(String, EventField)] = [("unsigned", .unsigned), ("event_id", .eventID)]
    private static let ofLength9: [(String, EventField)] = [("state_key", .stateKey)]
    private static let ofLength10: [(String, EventField)] = [
        ("signatures", .signatures), ("membership", .membership), ("prev_state", .prevState),
    ]
    private static let ofLength11: [(String, EventField)] = [
        ("auth_events", .authEvents), ("prev_events", .prevEvents),
    ]
    private static let ofLength16: [(String, EventField)] = [("origin_server_ts", .originServerTS)]
}
