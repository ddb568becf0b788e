/// Percent-encoding, [RFC 3986 §2.1](https://www.rfc-editor.org/rfc/rfc3986#section-2.1).
enum Percent {
    /// Decodes `bytes` once. A `%` that two hexadecimal digits do not follow stands for itself; so do bytes above 127.
    static func decode(_ bytes: some Collection<UInt8>, plusIsSpace: Bool = false) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index != bytes.endIndex {
            let byte = bytes[index]
            index = bytes.index(after: index)
            switch byte {
            case UInt8(ascii: "%"):
                guard index != bytes.endIndex, let high = hexadecimal(bytes[index]) else { break }
                let second = bytes.index(after: index)
                guard second != bytes.endIndex, let low = hexadecimal(bytes[second]) else { break }
                index = bytes.index(after: second)
                decoded.append(high << 4 | low)
                continue
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(UInt8(ascii: " "))
                continue
            default: break
            }
            decoded.append(byte)
        }
        return decoded
    }

    /// Decodes `bytes` once, as text; what is not UTF-8 becomes U+FFFD.
    static func decodeText(_ bytes: some Collection<UInt8>, plusIsSpace: Bool = false) -> String {
        let isPlain = !bytes.contains { $0 == UInt8(ascii: "%") || plusIsSpace && $0 == UInt8(ascii: "+") }
        return isPlain
            ? String(decoding: bytes, as: UTF8.self)
            : String(decoding: decode(bytes, plusIsSpace: plusIsSpace), as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
