import MatrixCore
import ModuleAPI

/// Writes what callbacks are given, as the protocol spells it, straight into the frame.
struct ArgumentWriter {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    init() {
        bytes.reserveCapacity(1_024)
        bytes.append(UInt8(ascii: "["))
    }

    /// The finished JSON array.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    private mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    mutating func append(_ event: Event) {
        separate()
        bytes.appendEvent(event)
    }

    mutating func append(_ value: JSON) {
        separate()
        value.encode(into: &bytes)
    }

    mutating func append(_ object: JSONObject) {
        separate()
        object.encode(into: &bytes)
    }

    mutating func append(_ text: String) {
        separate()
        bytes.appendJSONString(text)
    }

    mutating func append(_ text: String?) {
        if let text { append(text) } else { append(JSON.null) }
    }

    mutating func append(_ id: some MatrixIdentifier) { append(id.string) }
    mutating func append(_ flag: Bool) { append(JSON.bool(flag)) }
    mutating func append(_ number: Int64) { append(JSON.integer(number)) }

    /// The state that goes with the call.
    mutating func appendState() {
        separate()
        bytes.append(contentsOf: #"{"$state":true}"#.utf8)
    }
}

extension [UInt8] {
    /// Appends an EVENT: the PDU as it is stored, encoded once, and what is known beside it.
    mutating func appendEvent(_ event: Event) {
        append(contentsOf: #"{"event_id":"#.utf8)
        appendJSONString(event.eventID.string)
        append(contentsOf: #","room_id":"#.utf8)
        appendJSONString(event.roomID.string)
        append(contentsOf: #","room_version":"#.utf8)
        appendJSONString(event.version.id)
        append(contentsOf: #","pdu":"#.utf8)
        event.object.encode(into: &self)
        append(contentsOf: #","rejected_reason":null,"internal_metadata":{}}"#.utf8)
    }

    /// Appends a change of state to an attachment; `nil` if the entry is gone.
    mutating func appendChange(_ key: StateKey, _ event: Event?) {
        appendShort(key.type.string)
        appendShort(key.key)
        appendShort(event?.eventID.string ?? "")
        appendShort(event?.version.id ?? "")
        let place = count
        appendBigEndian(UInt32(0))
        guard let event else { return }
        event.object.encode(into: &self)
        setBigEndian(UInt32(clamping: count - place - 4), at: place)
    }

    private mutating func appendShort(_ text: String) {
        // Types, keys and IDs are 255 bytes at most; what is longer in an old database is cut rather than misread.
        let bytes = text.utf8.prefix(Int(UInt16.max))
        appendBigEndian(UInt16(bytes.count))
        append(contentsOf: bytes)
    }
}

/// What the protocol calls a REQUESTER.
func requesterObject(_ requester: Requester) -> JSONObject {
    [
        "user_id": .string(requester.user.string),
        "access_token_id": requester.tokenNumber.map { .integer($0) } ?? .null,
        "is_guest": .bool(requester.isGuest),
        "scope": [],
        "shadow_banned": .bool(requester.isShadowBanned),
        "device_id": requester.device.map { .string($0.string) } ?? .null,
        "app_service_id": .null,
        "authenticated_entity": .string(requester.user.string),
    ]
}

extension JSON {
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    init(_ time: Timestamp?) { self = time.map { .integer($0.milliseconds) } ?? .null }

    /// A number, whatever its form.
    var numberValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
