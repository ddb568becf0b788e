/// The encoding of queries and forms, `a=b&c=d%20e`.
enum FormCoding {
    /// Encodes pairs, in their order.
    static func encode(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
    }

    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The decoded pairs of a query or a form, in the order given.
    static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            let name = decode(pair[..<(equals ?? pair.endIndex)], plusIsSpace: true)
            return (name, equals.map { decode(pair[pair.index(after: $0)...], plusIsSpace: true) } ?? "")
        }
    }

    /// Takes percent-encoding off once. A `%` that two hexadecimal digits do not follow stands for itself.
    static func decode(_ text: Substring.UTF8View, plusIsSpace: Bool) -> String {
        var decoded: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = digit(rest.first), let low = digit(rest.dropFirst().first) {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(0x30...0x39): byte.map { $0 - 0x30 }
        case .some(0x41...0x46): byte.map { $0 - 0x37 }
        case .some(0x61...0x66): byte.map { $0 - 0x57 }
        default: nil
        }
    }
}
