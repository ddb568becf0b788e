import Crypto

/// A PDU in canonical JSON with the place of each of its members, from which everything that is hashed or signed is put
/// together without encoding again.
struct EventEncoding {
    /// The whole object.
    let bytes: [UInt8]
    /// Where each member stands, key included, in order.
    private let members: [(key: String, field: EventField?, range: Range<Int>)]
    private let redactedContent: [UInt8]

    /// - Throws: ``CanonicalJSONError`` if a number is none that `version` allows.
    init(_ object: JSONObject, version: RoomVersion) throws(CanonicalJSONError) {
        let numbers = version.eventFormat.numbers
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1536)
        var members: [(key: String, field: EventField?, range: Range<Int>)] = []
        members.reserveCapacity(object.count)
        var (content, type) = (JSONObject(), "")
        bytes.append(UInt8(ascii: "{"))
        for (key, value) in object.membersInKeyOrder() {
            if !members.isEmpty { bytes.append(UInt8(ascii: ",")) }
            let start = bytes.count
            bytes.appendJSONString(key)
            bytes.append(UInt8(ascii: ":"))
            try value.encodeCanonically(into: &bytes, numbers: numbers)
            let field = EventField(key)
            members.append((key, field, start..<bytes.count))
            switch (field, value) {
            case (.content, .object(let object)): content = object
            case (.type, .string(let string)): type = string
            default: break
            }
        }
        bytes.append(UInt8(ascii: "}"))
        self.bytes = bytes
        self.members = members
        redactedContent = try version.redaction.redactedContent(content, type: type).canonical(numbers: numbers)
    }

    /// The event's content hash.
    ///
    /// Spec: Server-Server API,
    /// [Content hash](https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event).
    func contentHash() -> [UInt8] {
        let covered = assembled { field in
            switch field {
            case .hashes, .signatures, .unsigned: false
            default: true
            }
        }
        return sha256(covered)
    }

    /// What the event's signatures, and its reference hash, cover: the redacted event without `signatures`.
    ///
    /// - Parameter hashes: A value for `hashes` that the encoded object does not have yet.
    func signedBytes(rules: RedactionRules, addingHashes hashes: [UInt8]? = nil) -> [UInt8] {
        assembled(addingHashes: hashes, redactsContent: true) { field in
            guard let field, field != .signatures else { return false }
            return rules.keeps(field)
        }
    }

    /// The members `keeps` chooses as an object.
    private func assembled(
        addingHashes hashes: [UInt8]? = nil, redactsContent: Bool = false, keeps: (EventField?) -> Bool
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 64)
        output.append(UInt8(ascii: "{"))
        var hashes = hashes
        func separate() { if output.count > 1 { output.append(UInt8(ascii: ",")) } }
        func addHashes() {
            guard let value = hashes else { return }
            separate()
            output.append(contentsOf: #""hashes":"#.utf8)
            output.append(contentsOf: value)
            hashes = nil
        }
        for (key, field, range) in members where keeps(field) {
            if hashes != nil, "hashes".precedesInBytes(key) { addHashes() }
            separate()
            if field == .content, redactsContent {
                output.append(contentsOf: #""content":"#.utf8)
                output.append(contentsOf: redactedContent)
            } else {
                output.append(contentsOf: bytes[range])
            }
        }
        addHashes()
        output.append(UInt8(ascii: "}"))
        return output
    }
}

/// The content hash of a PDU, 32 bytes: what its `hashes` should hold as `sha256`.
///
/// Spec: Server-Server API,
/// [Content hash](https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event).
public func contentHash(_ object: JSONObject, version: RoomVersion) throws(CanonicalJSONError) -> [UInt8] {
    try EventEncoding(object, version: version).contentHash()
}

/// The reference hash of a PDU, 32 bytes; its event ID from room version 3 on.
///
/// Spec: Server-Server API,
/// [Reference hash](https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event).
public func referenceHash(_ object: JSONObject, version: RoomVersion) throws(CanonicalJSONError) -> [UInt8] {
    sha256(try signedBytes(of: object, version: version))
}

/// The bytes that the signatures of a PDU cover.
///
/// Spec: Server-Server API, [Signing events](https://spec.matrix.org/v1.19/server-server-api/#signing-events).
public func signedBytes(of object: JSONObject, version: RoomVersion) throws(CanonicalJSONError) -> [UInt8] {
    try EventEncoding(object, version: version).signedBytes(rules: version.redaction)
}

/// The SHA-256 digest of `bytes`.
func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
