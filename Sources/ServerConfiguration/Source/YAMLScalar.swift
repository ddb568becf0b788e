import Yams

/// YAML 1.1's reading of plain scalars. Spec: [YAML types](https://yaml.org/type/).
enum YAMLScalar {
    static func value(of scalar: Node.Scalar) -> SourceNode.Value {
        if scalar.tag == Tag(.str) || (scalar.style != .plain && scalar.style != .any) { return .string(scalar.string) }
        return value(ofPlain: scalar.string)
    }

    static func value(ofPlain text: String) -> SourceNode.Value {
        switch text {
        case "", "~", "null", "Null", "NULL": .null
        case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": .bool(true)
        case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": .bool(false)
        default:
            if let integer = integer(text) {
                .integer(integer)
            } else if let double = double(text) {
                .double(double)
            } else {
                .string(text)
            }
        }
    }

    /// Decimal, `0b` binary, `0x` hexadecimal, `0` octal and base-60 `h:mm` integers.
    private static func integer(_ text: String) -> Int64? {
        var digits = text.utf8.filter { $0 != UInt8(ascii: "_") }
        guard let first = text.utf8.first, first != UInt8(ascii: "_") else { return nil }
        let negative = first == UInt8(ascii: "-")
        if negative || first == UInt8(ascii: "+") { digits.removeFirst() }
        guard let lead = digits.first, (0x30...0x39).contains(lead) else { return nil }
        let body = String(decoding: digits, as: UTF8.self)
        let magnitude: Int64? =
            if body.hasPrefix("0b") {
                Int64(body.dropFirst(2), radix: 2)
            } else if body.hasPrefix("0x") {
                Int64(body.dropFirst(2), radix: 16)
            } else if body.utf8.contains(UInt8(ascii: ":")) {
                sexagesimal(body)
            } else if lead == UInt8(ascii: "0"), digits.count > 1 {
                Int64(body, radix: 8)
            } else {
                Int64(body)
            }
        return magnitude.map { negative ? -$0 : $0 }
    }

    private static func sexagesimal(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.first?.utf8.first != UInt8(ascii: "0") else { return nil }
        var total: Int64 = 0
        for (index, part) in parts.enumerated() {
            guard let value = Int64(part), index == 0 || (value < 60 && part.utf8.count <= 2) else { return nil }
            let (product, overflow) = total.multipliedReportingOverflow(by: 60)
            guard !overflow else { return nil }
            total = product &+ value
        }
        return total
    }

    private static func double(_ text: String) -> Double? {
        switch text {
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .infinity
        case "-.inf", "-.Inf", "-.INF": return -.infinity
        case ".nan", ".NaN", ".NAN": return .nan
        default: break
        }
        let digits = text.utf8.filter { $0 != UInt8(ascii: "_") }
        // Only digits, signs, a point and an exponent: `Double` itself also reads words and hexadecimal.
        guard digits.contains(where: { (0x30...0x39).contains($0) }),
            digits.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
            let first = digits.first, "0123456789+-.".utf8.contains(first),
            // A whole number too large for an integer is a number all the same; a faulty octal one is not.
            first != UInt8(ascii: "0") || digits.contains(where: { ".eE".utf8.contains($0) })
        else { return nil }
        return Double(String(decoding: digits, as: UTF8.self))
    }
}
