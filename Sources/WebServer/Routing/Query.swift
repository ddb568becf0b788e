/// The part of a request's target after `?`: `name=value` pairs, each decoded when it is asked for.
struct Query: Sendable {
    /// The text as it came, without the `?`.
    let text: Substring

    /// The decoded values of a parameter, in the order given.
    func values(of name: String) -> some Sequence<String> {
        text.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true).lazy.compactMap { pair in
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            guard Self.matches(pair[..<(equals ?? pair.endIndex)], name) else { return nil }
            return equals.map { Percent.decodeText(pair[pair.index(after: $0)...], plusIsSpace: true) } ?? ""
        }
    }

    func contains(_ name: String) -> Bool { values(of: name).contains { _ in true } }

    /// The text with the value of `access_token` left out, for logs.
    var redacted: String {
        guard contains("access_token") else { return String(text) }
        return text.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).map { pair in
            let name = pair[..<(pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex)]
            return Self.matches(name, "access_token") ? "access_token=<redacted>" : String(Substring(pair))
        }.joined(separator: "&")
    }

    private static func matches(_ encoded: Substring.UTF8View, _ name: String) -> Bool {
        if encoded.elementsEqual(name.utf8) { return true }
        guard encoded.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return false }
        return Percent.decode(encoded, plusIsSpace: true).elementsEqual(name.utf8)
    }
}
