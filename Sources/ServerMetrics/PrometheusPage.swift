/// Writes Prometheus' text format.
struct PrometheusPage {
    private(set) var bytes: [UInt8] = []

    mutating func begin(_ name: String, type: String, help: String) {
        bytes.append(contentsOf: "# HELP \(name) ".utf8)
        appendEscaped(help, quotes: false)
        bytes.append(contentsOf: "\n# TYPE \(name) \(type)\n".utf8)
    }

    mutating func sample(_ name: String, _ labels: [String], _ values: [String], _ value: Double) {
        bytes.append(contentsOf: name.utf8)
        appendLabels(labels, values)
        bytes.append(contentsOf: " \(Self.number(value))\n".utf8)
    }

    mutating func histogram(_ name: String, _ labels: [String], _ values: [String], _ histogram: Histogram) {
        let reading = histogram.reading
        var upToHere: UInt64 = 0
        let bounds = histogram.bounds.map(Self.number) + ["+Inf"]
        for (bound, count) in zip(bounds, reading.counts) {
            upToHere += count
            sample("\(name)_bucket", labels + ["le"], values + [bound], Double(upToHere))
        }
        sample("\(name)_sum", labels, values, reading.sum)
        sample("\(name)_count", labels, values, Double(upToHere))
    }

    private mutating func appendLabels(_ labels: [String], _ values: [String]) {
        guard !labels.isEmpty else { return }
        for (index, (label, value)) in zip(labels, values).enumerated() {
            bytes.append(contentsOf: "\(index == 0 ? "{" : ",")\(label)=\"".utf8)
            appendEscaped(value, quotes: true)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: #"\""#.utf8)
            default: bytes.append(byte)
            }
        }
    }

    /// A number as Prometheus reads it, whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return "\(Int64(value))" }
        return "\(value)"
    }
}
