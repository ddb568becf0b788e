import MatrixCore

/// Turns a stored PDU into what clients see of it.
enum ClientFields {
    /// The stored event for a row and its PDU.
    static func event(_ record: EventRecord, room: RoomHandle, pdu: [UInt8]) throws -> StoredEvent {
        if record.redactedBy != nil {
            let redacted = redact(try JSONObject.parse(pdu), version: room.version)
            return try build(record, room: room, pdu: redacted.canonical(numbers: .any))
        }
        return try build(record, room: room, pdu: pdu)
    }

    private static func build(_ record: EventRecord, room: RoomHandle, pdu: [UInt8]) throws -> StoredEvent {
        var type: String?
        var sender: String?
        var stateKey: String?
        var content: Range<Int>?
        var redacts: String?
        pdu.withUnsafeBufferPointer { bytes in
            var members = TopLevelMembers(bytes)
            while let (key, value) = members.next() {
                // Few keys matter, and these differ in length or first byte.
                let name = bytes[key]
                if name.elementsEqual("content".utf8) {
                    content = value
                } else if name.elementsEqual("sender".utf8) {
                    sender = string(bytes[value])
                } else if name.elementsEqual("type".utf8) {
                    type = string(bytes[value])
                } else if name.elementsEqual("state_key".utf8) {
                    stateKey = string(bytes[value])
                } else if name.elementsEqual("redacts".utf8) {
                    redacts = string(bytes[value])
                }
            }
        }
        guard let type, let sender, let content else {
            throw StorageError.damaged("event \(record.eventID) lacks its type, sender or content")
        }
        var fields: [UInt8] = []
        fields.reserveCapacity(content.count + 200)
        fields.append(contentsOf: #""content":"#.utf8)
        let contentStart = fields.count
        if type == EventType.redaction.string {
            redacts = appendRedactionContent(pdu[content], redacts: redacts, to: &fields)
        } else {
            fields.append(contentsOf: pdu[content])
            redacts = nil
        }
        let contentRange = contentStart..<fields.count
        fields.append(contentsOf: #","event_id":"#.utf8)
        fields.appendJSONString(record.eventID.string)
        fields.append(contentsOf: #","origin_server_ts":"#.utf8)
        fields.appendDecimal(record.originServerTS.milliseconds)
        if let redacts {
            fields.append(contentsOf: #","redacts":"#.utf8)
            fields.appendJSONString(redacts)
        }
        fields.append(contentsOf: #","sender":"#.utf8)
        fields.appendJSONString(sender)
        if let stateKey {
            fields.append(contentsOf: #","state_key":"#.utf8)
            fields.appendJSONString(stateKey)
        }
        fields.append(contentsOf: #","type":"#.utf8)
        fields.appendJSONString(type)
        return StoredEvent(
            record: record, room: room, type: EventType(type), sender: UserID(trusted: sender), stateKey: stateKey,
            clientFields: fields, contentRange: contentRange)
    }

    /// Clients find what a redaction redacts both beside and within its content, whichever its room version uses.
    ///
    /// Spec: [m.room.redaction](https://spec.matrix.org/v1.19/client-server-api/#mroomredaction).
    private static func appendRedactionContent(
        _ content: ArraySlice<UInt8>, redacts: String?, to fields: inout [UInt8]
    ) -> String? {
        guard var object = try? JSONObject.parse(content) else {
            fields.append(contentsOf: content)
            return redacts
        }
        let target = object.string("redacts") ?? redacts
        if let target { object["redacts"] = .string(target) }
        object.encode(into: &fields)
        return target
    }

    /// The text of a JSON string given with its quotation marks.
    private static func string(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        guard bytes.count >= 2 else { return nil }
        let inner = bytes.dropFirst().dropLast()
        if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
        return (try? JSON.parse(bytes))?.stringValue
    }
}
