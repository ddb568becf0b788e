extension JSON {
    /// The value as JSON text in UTF-8, members in their own order, no white space.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        encode(into: &output)
        return output
    }

    /// Appends the value as JSON text.
    public func encode(into output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.appendDecimal(value)
        case .double(let value): output.appendNumber(value)
        case .string(let value): output.appendJSONString(value)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                value.encode(into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object): object.encode(into: &output)
        }
    }
}

extension JSONObject {
    /// The object as JSON text in UTF-8, members in their own order, no white space.
    public func encoded() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        encode(into: &output)
        return output
    }

    /// Appends the object as JSON text.
    public func encode(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "{"))
        var first = true
        for (key, value) in members {
            if !first { output.append(UInt8(ascii: ",")) }
            first = false
            output.appendJSONString(key)
            output.append(UInt8(ascii: ":"))
            value.encode(into: &output)
        }
        output.append(UInt8(ascii: "}"))
    }
}

extension [UInt8] {
    /// Appends `text` as a JSON string. Only what JSON demands is escaped: quotation mark, backslash and control
    /// characters, the last as `\b`, `\t`, `\n`, `\f`, `\r` or `\u00xx`, which is the form canonical JSON asks for.
    public mutating func appendJSONString(_ text: String) {
        append(UInt8(ascii: "\""))
        var copy = text
        copy.withUTF8 { appendEscaped(UnsafeRawBufferPointer($0)) }
        append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ bytes: UnsafeRawBufferPointer) {
        var (clean, isASCII) = (0, true)
        while true {
            let index = ByteScanning.firstSpecial(in: bytes, from: clean, isASCII: &isASCII)
            append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[clean..<index]))
            guard index < bytes.count else { return }
            appendEscape(of: bytes[index])
            clean = index + 1
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5C: append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            append(contentsOf: "u00".utf8)
            append(byte >> 4 + 0x30)
            let low = byte & 0xF
            append(low < 10 ? low + 0x30 : low + 0x57)
        }
    }

    /// Appends `value` the way Python does, whose form the hashes of events before room version 6 rest on: the shortest
    /// digits that stand for it, with an exponent from 10¹⁶ up and below 10⁻⁴.
    mutating func appendNumber(_ value: Double) {
        // Swift's own description differs from that only in beginning with exponents at 2⁵³, past which all are integers.
        guard value.magnitude >= 0x1p53, value.magnitude < 1e16 else {
            append(contentsOf: value.description.utf8)
            return
        }
        appendDecimal(Int64(value))
        append(contentsOf: ".0".utf8)
    }

    /// Appends `value` in decimal.
    public mutating func appendDecimal(_ value: some FixedWidthInteger) {
        if value == 0 {
            append(UInt8(ascii: "0"))
            return
        }
        var magnitude = UInt64(value.magnitude)
        if value < 0 { append(UInt8(ascii: "-")) }
        let start = count
        while magnitude > 0 {
            append(UInt8(truncatingIfNeeded: magnitude % 10) + 0x30)
            magnitude /= 10
        }
        self[start...].reverse()
    }
}
