/// Why bytes are not the JSON they should be.
public enum JSONParseError: Error, Hashable, Sendable {
    /// A byte that cannot stand at `offset`.
    case unexpectedByte(offset: Int)
    case unexpectedEnd
    case invalidString(offset: Int)
    case invalidNumber(offset: Int)
    /// Nested deeper than the limit.
    case tooDeep(offset: Int)
    case notAnObject
}

extension JSON {
    /// How deep arrays and objects may nest in anything read from outside.
    public static let maximumDepth = 128

    /// Reads one JSON text (RFC 8259) in UTF-8.
    ///
    /// A key that occurs twice keeps its first place and its last value, as every server in use reads it.
    public static func parse(_ bytes: some Sequence<UInt8>) throws(JSONParseError) -> JSON {
        let parsed = bytes.withContiguousStorageIfAvailable { buffer in
            Result<JSON, JSONParseError> { () throws(JSONParseError) in
                var parser = JSONParser(UnsafeRawBufferPointer(buffer))
                return try parser.document()
            }
        }
        if let parsed { return try parsed.get() }
        return try parse(Array(bytes))
    }

    public static func parse(_ text: String) throws(JSONParseError) -> JSON { try parse(Array(text.utf8)) }
}

extension JSONObject {
    /// Reads one JSON text that must be an object.
    public static func parse(_ bytes: some Sequence<UInt8>) throws(JSONParseError) -> JSONObject {
        guard case .object(let object) = try JSON.parse(bytes) else { throw .notAnObject }
        return object
    }
}

/// A recursive-descent parser whose recursion is bounded by ``JSON/maximumDepth``.
struct JSONParser: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var depth = 0
    private var values = JSONStack<JSON>(capacity: 16)
    private var members = JSONStack<JSONObject.Member>(capacity: 32)

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func document() throws(JSONParseError) -> JSON {
        skipWhitespace()
        let value = try value()
        skipWhitespace()
        guard offset == bytes.count else { throw .unexpectedByte(offset: offset) }
        return value
    }

    private mutating func value() throws(JSONParseError) -> JSON {
        guard offset < bytes.count else { throw .unexpectedEnd }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw .unexpectedByte(offset: offset)
        }
    }

    private mutating func enter() throws(JSONParseError) {
        depth += 1
        if depth > JSON.maximumDepth { throw .tooDeep(offset: offset) }
        offset += 1
        skipWhitespace()
    }

    private mutating func object() throws(JSONParseError) -> JSONObject {
        try enter()
        defer { depth -= 1 }
        let start = members.count
        if try take(UInt8(ascii: "}")) { return JSONObject() }
        var places = KeyPlaces()
        while true {
            guard offset < bytes.count else { throw .unexpectedEnd }
            guard bytes[offset] == UInt8(ascii: "\"") else { throw .unexpectedByte(offset: offset) }
            let key = try key()
            skipWhitespace()
            guard try take(UInt8(ascii: ":")) else { throw .unexpectedByte(offset: offset) }
            skipWhitespace()
            let value = try value()
            let object = members.top(from: start)
            if let place = places.place(of: key, in: object) {
                object[place].value = value
            } else {
                members.append((key, value))
            }
            skipWhitespace()
            if try take(UInt8(ascii: "}")) { return JSONObject(uniqueMembers: members.take(from: start)) }
            guard try take(UInt8(ascii: ",")) else { throw .unexpectedByte(offset: offset) }
            skipWhitespace()
        }
    }

    /// Finds keys that occur twice.
    private struct KeyPlaces {
        private struct Key: ByteComparable { let string: String }

        /// Whether every key came after the one before it, as they do in canonical JSON; then none occurs twice.
        private var isSorted = true
        /// Past a few members a linear search would cost quadratic time.
        private var places: [Key: Int] = [:]

        mutating func place(of key: String, in members: UnsafeMutableBufferPointer<JSONObject.Member>) -> Int? {
            guard let last = members.last else { return nil }
            if isSorted {
                if last.key.precedesInBytes(key) { return nil }
                isSorted = false
            }
            if members.count < 24 { return members.firstIndex { $0.key.hasSameBytes(as: key) } }
            for place in places.count..<members.count { places[Key(string: members[place].key)] = place }
            return places[Key(string: key)]
        }
    }

    private mutating func array() throws(JSONParseError) -> [JSON] {
        try enter()
        defer { depth -= 1 }
        let start = values.count
        if try take(UInt8(ascii: "]")) { return [] }
        while true {
            values.append(try value())
            skipWhitespace()
            if try take(UInt8(ascii: "]")) { return values.take(from: start) }
            guard try take(UInt8(ascii: ",")) else { throw .unexpectedByte(offset: offset) }
            skipWhitespace()
        }
    }

    private mutating func take(_ byte: UInt8) throws(JSONParseError) -> Bool {
        guard offset < bytes.count else { throw .unexpectedEnd }
        guard bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONParseError) -> JSON {
        for index in 0..<text.utf8CodeUnitCount {
            guard offset + index < bytes.count else { throw .unexpectedEnd }
            guard bytes[offset + index] == text.utf8Start[index] else { throw .unexpectedByte(offset: offset + index) }
        }
        offset += text.utf8CodeUnitCount
        return value
    }

    // MARK: Strings

    /// Reads a key. The one long key every event has is not made anew each time.
    private mutating func key() throws(JSONParseError) -> String {
        let common: StaticString = "\"origin_server_ts\""
        let end = offset + common.utf8CodeUnitCount
        if end <= bytes.count {
            let ahead = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            let expected = UnsafeRawBufferPointer(start: common.utf8Start, count: common.utf8CodeUnitCount)
            if ByteScanning.areEqual(ahead, expected) {
                offset = end
                return "origin_server_ts"
            }
        }
        return try string()
    }

    private mutating func string() throws(JSONParseError) -> String {
        let start = offset + 1
        var isASCII = true
        // Most strings hold no escape: one pass finds the end, one copy makes the string.
        let end = ByteScanning.firstSpecial(in: bytes, from: start, isASCII: &isASCII)
        guard end < bytes.count else { throw .unexpectedEnd }
        switch bytes[end] {
        case UInt8(ascii: "\""):
            offset = end + 1
            let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            // ASCII needs no validation, which costs more than the copy.
            if isASCII { return String(decoding: text, as: UTF8.self) }
            return try Self.text(text, at: start)
        case UInt8(ascii: "\\"): return try stringWithEscapes(from: start, to: end)
        default: throw .invalidString(offset: end)
        }
    }

    private static func text(_ bytes: some Sequence<UInt8>, at offset: Int) throws(JSONParseError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidString(offset: offset) }
        return text
    }

    private mutating func stringWithEscapes(from start: Int, to firstEscape: Int) throws(JSONParseError) -> String {
        var text = Array(bytes[start..<firstEscape])
        var index = firstEscape
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                offset = index + 1
                return try Self.text(text, at: start)
            case UInt8(ascii: "\\"): index = try escape(at: index + 1, into: &text)
            case 0..<0x20: throw .invalidString(offset: index)
            default:
                var isASCII = true
                let end = ByteScanning.firstSpecial(in: bytes, from: index, isASCII: &isASCII)
                text.append(contentsOf: bytes[index..<end])
                index = end
            }
        }
        throw .unexpectedEnd
    }

    /// Decodes the escape whose letter stands at `index`; returns where the text goes on.
    private func escape(at index: Int, into text: inout [UInt8]) throws(JSONParseError) -> Int {
        guard index < bytes.count else { throw .unexpectedEnd }
        switch bytes[index] {
        case UInt8(ascii: "\""): text.append(0x22)
        case UInt8(ascii: "\\"): text.append(0x5C)
        case UInt8(ascii: "/"): text.append(0x2F)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): return try unicodeEscape(at: index + 1, into: &text)
        default: throw .invalidString(offset: index)
        }
        return index + 1
    }

    private func unicodeEscape(at index: Int, into text: inout [UInt8]) throws(JSONParseError) -> Int {
        let unit = try hexadecimal(at: index)
        var next = index + 4
        var scalar = UInt32(unit)
        if (0xD800..<0xDC00).contains(unit) {
            // A lone surrogate is no character: it has no UTF-8 form, so a text holding one is refused.
            guard next + 1 < bytes.count, bytes[next] == UInt8(ascii: "\\"), bytes[next + 1] == UInt8(ascii: "u")
            else { throw .invalidString(offset: index) }
            let low = try hexadecimal(at: next + 2)
            guard (0xDC00..<0xE000).contains(low) else { throw .invalidString(offset: index) }
            scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            next += 6
        }
        guard let valid = Unicode.Scalar(scalar) else { throw .invalidString(offset: index) }
        text.append(contentsOf: UTF8.encode(valid).unsafelyUnwrapped)
        return next
    }

    private func hexadecimal(at index: Int) throws(JSONParseError) -> UInt16 {
        guard index + 4 <= bytes.count else { throw .unexpectedEnd }
        var value: UInt16 = 0
        for byte in bytes[index..<index + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(byte - 0x57)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(byte - 0x37)
            default: throw .invalidString(offset: index)
            }
        }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(JSONParseError) -> JSON {
        let start = offset
        let negative = bytes[offset] == UInt8(ascii: "-")
        if negative { offset += 1 }
        let digitsStart = offset
        var magnitude: UInt64 = 0
        var overflow = false
        while offset < bytes.count, let digit = Self.digit(bytes[offset]) {
            let (high, carried) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carriedAgain) = high.addingReportingOverflow(digit)
            overflow = overflow || carried || carriedAgain
            magnitude = sum
            offset += 1
        }
        let digits = offset - digitsStart
        guard digits > 0 else {
            if offset == bytes.count { throw .unexpectedEnd }
            throw .invalidNumber(offset: start)
        }
        guard digits == 1 || bytes[digitsStart] != UInt8(ascii: "0") else { throw .invalidNumber(offset: start) }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") || bytes[offset] | 0x20 == UInt8(ascii: "e") {
            return try fraction(from: start)
        }
        if !overflow, !negative, let value = Int64(exactly: magnitude) { return .integer(value) }
        if !overflow, negative, magnitude <= UInt64(Int64.max) + 1 {
            return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
        }
        return try double(from: start)
    }

    private mutating func fraction(from start: Int) throws(JSONParseError) -> JSON {
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            try someDigits(from: start)
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try someDigits(from: start)
        }
        return try double(from: start)
    }

    private mutating func someDigits(from start: Int) throws(JSONParseError) {
        let first = offset
        while offset < bytes.count, Self.digit(bytes[offset]) != nil { offset += 1 }
        guard offset > first else { throw .invalidNumber(offset: start) }
    }

    private func double(from start: Int) throws(JSONParseError) -> JSON {
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw .invalidNumber(offset: start) }
        return .double(value)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? UInt64(byte - 0x30) : nil
    }
}
