import MatrixCore

// Values, texts and identifiers with what parsers stumble over in them.
extension FuzzGenerator {
    private static let scalars: [Unicode.Scalar] = [
        "a", "b", "Z", "0", "9", " ", ":", "@", "!", "$", "#", ".", "-", "_", "/", "[", "]", "\"", "\\", "\0", "\n",
        "\u{1f}", "\u{7f}", "\u{80}", "é", "\u{301}", "日", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}", "😀", "\u{10FFFF}",
    ]

    mutating func text(upTo length: Int = 24) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<below(length + 1) { text.append(pick(Self.scalars)) }
        return String(text)
    }

    mutating func json(depth: Int = 4) -> JSON {
        switch below(depth > 0 ? 9 : 7) {
        case 0: return nil
        case 1: return .bool(below(2) == 0)
        case 2: return .integer(Int64(below(200)) - 100)
        case 3: return .integer(Int64(truncatingIfNeeded: next()))
        case 4:
            let double = Double(bitPattern: next())
            return .double(double.isFinite ? double : 0.5)
        case 5, 6: return .string(text())
        case 7: return .array((0..<below(5)).map { _ in json(depth: depth - 1) })
        default: return .object(jsonObject(depth: depth - 1))
        }
    }

    mutating func jsonObject(depth: Int = 4) -> JSONObject {
        JSONObject((0..<below(6)).map { _ in (text(upTo: 6), json(depth: depth)) })
    }

    /// JSON text of `value` with needless white space and escapes.
    mutating func loosely(_ value: JSON) -> String {
        let space = pick(["", "", " ", "\n\t", "\r  "])
        switch value {
        case .string(let text): return space + looselyQuoted(text) + space
        case .array(let values):
            let parts = values.map { loosely($0) }
            return "\(space)[\(space)\(parts.joined(separator: ","))]\(space)"
        case .object(let object):
            let parts = object.members.map { space + looselyQuoted($0.key) + space + ":" + loosely($0.value) }
            return "\(space){\(space)\(parts.joined(separator: ","))}\(space)"
        default: return space + String(decoding: value.encoded(), as: UTF8.self) + space
        }
    }

    private mutating func looselyQuoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape || below(3) == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: below(2) == 0)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            } else {
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// `bytes` with a few of them changed, doubled, moved or gone.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(3) where !bytes.isEmpty {
            let place = below(bytes.count)
            switch below(6) {
            case 0: bytes[place] ^= 1 << UInt8(below(8))
            case 1: bytes[place] = pick(Array("{}[]\",:\\ue0-+.9tfn".utf8))
            case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
            case 4: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(16))], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }
}
