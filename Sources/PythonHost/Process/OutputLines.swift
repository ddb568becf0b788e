/// Cuts what a program prints into lines of bounded length and number.
struct OutputLines {
    /// The longest line; the rest of a longer one is a line of its own.
    static let maximumLength = 8_192
    /// How many lines a second are passed on.
    static let maximumRate = 1_000

    private var rest: [UInt8] = []
    private var second: Int64 = 0
    private var count = 0
    private var skipped = 0

    /// Takes what was printed.
    /// - Parameter second: The time in seconds, for counting.
    /// - Returns: The lines that are complete, without those that are too many.
    mutating func push(_ bytes: some Collection<UInt8>, second: Int64) -> [String] {
        var lines: [String] = []
        if second != self.second {
            if skipped > 0 { lines.append("(\(skipped) more lines left out)") }
            (self.second, count, skipped) = (second, 0, 0)
        }
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || rest.count >= Self.maximumLength { endLine(into: &lines) }
            if byte != UInt8(ascii: "\n") { rest.append(byte) }
        }
        return lines
    }

    /// The last line, if it had no end.
    mutating func finish() -> [String] {
        var lines: [String] = []
        endLine(into: &lines)
        return lines
    }

    private mutating func endLine(into lines: inout [String]) {
        defer { rest.removeAll(keepingCapacity: true) }
        guard !rest.isEmpty else { return }
        count += 1
        if count > Self.maximumRate { skipped += 1 } else { lines.append(String(decoding: rest, as: UTF8.self)) }
    }
}
