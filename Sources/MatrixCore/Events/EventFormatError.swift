/// Why an object is no event of its room version.
///
/// An event that fails these checks is dropped, not rejected: it never was an event.
/// Spec: Server-Server API,
/// [Checks performed on receipt of a PDU](https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu), 1.
public enum EventFormatError: Error, Hashable, Sendable {
    case missing(field: String)
    /// A member of the wrong JSON type, or an ID that does not have its form.
    case invalid(field: String)
    /// More than `limit` bytes.
    case tooLong(field: String, limit: Int)
    /// More than `limit` entries.
    case tooMany(field: String, limit: Int)
    /// A number that has no place in events of the room version.
    case notCanonical(CanonicalJSONError)
    /// More than ``Event/maximumBytes`` as canonical JSON.
    case tooLarge(bytes: Int)
}

extension EventFormatError: MatrixErrorConvertible, CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let field): "Event has no \(field)"
        case .invalid(let field): "Event has an invalid \(field)"
        case .tooLong(let field, let limit): "Event's \(field) is longer than \(limit) bytes"
        case .tooMany(let field, let limit): "Event has more than \(limit) \(field)"
        case .notCanonical(.integerOutOfRange): "Event holds an integer outside of the range -2^53+1 to 2^53-1"
        case .notCanonical(.notAnInteger): "Event holds a number that is not an integer"
        case .tooLarge(let bytes): "Event is too large: \(bytes) bytes, at most \(Event.maximumBytes) are allowed"
        }
    }

    public var matrixError: MatrixError {
        switch self {
        // In the words that clients of other servers know.
        case .tooLarge: MatrixError(status: 413, code: .tooLarge, message: "event too large")
        case .tooLong(let field, _): MatrixError(status: 413, code: .tooLarge, message: "'\(field)' too large")
        case .notCanonical(.integerOutOfRange): .badJSON("JSON integer out of range")
        case .notCanonical(.notAnInteger): .badJSON("Bad JSON value: float")
        case .missing, .invalid, .tooMany: .badJSON(description)
        }
    }
}
