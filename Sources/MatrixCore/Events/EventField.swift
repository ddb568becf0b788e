/// The members of a PDU that have a meaning of their own.
enum EventField {
    case authEvents, content, depth, eventID, hashes, membership, origin, originServerTS, prevEvents, prevState, redacts
    case roomID, sender, signatures, stateKey, type, unsigned

    init?(_ key: String) {
        // Length and a letter leave one candidate, so a key is compared with one name at most.
        let candidate: (field: EventField, name: String)
        let bytes = key.utf8
        switch (bytes.count, bytes.first) {
        case (4, UInt8(ascii: "t")): candidate = (.type, "type")
        case (5, UInt8(ascii: "d")): candidate = (.depth, "depth")
        case (6, UInt8(ascii: "h")): candidate = (.hashes, "hashes")
        case (6, UInt8(ascii: "o")): candidate = (.origin, "origin")
        case (6, UInt8(ascii: "s")): candidate = (.sender, "sender")
        case (7, UInt8(ascii: "c")): candidate = (.content, "content")
        case (7, UInt8(ascii: "r")):
            candidate = bytes.last == UInt8(ascii: "d") ? (.roomID, "room_id") : (.redacts, "redacts")
        case (8, UInt8(ascii: "e")): candidate = (.eventID, "event_id")
        case (8, UInt8(ascii: "u")): candidate = (.unsigned, "unsigned")
        case (9, UInt8(ascii: "s")): candidate = (.stateKey, "state_key")
        case (10, UInt8(ascii: "m")): candidate = (.membership, "membership")
        case (10, UInt8(ascii: "p")): candidate = (.prevState, "prev_state")
        case (10, UInt8(ascii: "s")): candidate = (.signatures, "signatures")
        case (11, UInt8(ascii: "a")): candidate = (.authEvents, "auth_events")
        case (11, UInt8(ascii: "p")): candidate = (.prevEvents, "prev_events")
        case (16, UInt8(ascii: "o")): candidate = (.originServerTS, "origin_server_ts")
        default: return nil
        }
        guard candidate.name.hasSameBytes(as: key) else { return nil }
        self = candidate.field
    }
}
