/// Reads the values in which Synapse's options state times and sizes.
package enum Units {
    /// A duration: milliseconds as a number, or a number with `ms`, `s`, `m`, `h`, `d`, `w` or `y`.
    package static func duration(_ text: String) -> Duration? {
        let (number, unit) = split(text)
        guard let value = Int64(number), value >= 0 else { return nil }
        let scale: Int64? =
            switch unit {
            case "", "ms": 1
            case "s": 1000
            case "m": 60_000
            case "h": 3_600_000
            case "d": 86_400_000
            case "w": 604_800_000
            case "y": 31_536_000_000
            default: nil
            }
        guard let scale else { return nil }
        let (milliseconds, overflow) = value.multipliedReportingOverflow(by: scale)
        return overflow ? nil : .milliseconds(milliseconds)
    }

    /// A size: bytes as a number, or a number with `K`, `M`, `G` or `T` (powers of 1024), optionally with `iB`.
    package static func size(_ text: String) -> Int? {
        let (number, unit) = split(text)
        guard let value = Int(number), value >= 0 else { return nil }
        let shift: Int? =
            switch unit {
            case "", "B": 0
            case "K", "KiB": 10
            case "M", "MiB": 20
            case "G", "GiB": 30
            case "T", "TiB": 40
            default: nil
            }
        guard let shift else { return nil }
        let (bytes, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : bytes
    }

    private static func split(_ text: String) -> (number: String, unit: String) {
        let end = text.utf8.firstIndex { !(0x30...0x39).contains($0) } ?? text.endIndex
        return (String(text[..<end]), String(text[end...]))
    }
}
