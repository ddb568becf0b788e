/// The name of a homeserver: a DNS name or an address, with an optional port. Letter case matters.
///
/// Spec: Appendices, [Server name](https://spec.matrix.org/v1.19/appendices/#server-name). The length it recommends is not
/// enforced, as others may not heed it; a server name in an identifier is bounded by the identifier's length.
public struct ServerName: MatrixIdentifier {
    public let string: String

    public init?(_ string: String) {
        guard string.withBytes(Self.isValid) else { return nil }
        self.string = string
    }

    /// Takes a string that is known to be a server name, for one read back from our own storage.
    public init(trusted string: String) { self.string = string }

    /// The name without the port; an IPv6 address keeps its brackets.
    public var host: String {
        string.withBytes { bytes in
            guard let end = Self.endOfHost(bytes) else { return string }
            return String(decoding: bytes[..<end], as: UTF8.self)
        }
    }

    /// The port, if the name has one.
    public var port: Int? {
        string.withBytes { bytes in
            guard let end = Self.endOfHost(bytes), end < bytes.count else { return nil }
            return Int(String(decoding: bytes[(end + 1)...], as: UTF8.self))
        }
    }

    /// Whether the host is an IPv4 or IPv6 address rather than a DNS name.
    public var isAddress: Bool {
        let host = host
        if host.utf8.first == UInt8(ascii: "[") { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(isDigit) }
    }

    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= maximumIdentifierBytes, let end = endOfHost(bytes) else { return false }
        let (host, rest) = (bytes[..<end], bytes[end...])
        if !rest.isEmpty {
            let port = rest.dropFirst()
            guard rest.first == UInt8(ascii: ":"), (1...5).contains(port.count), port.allSatisfy(isDigit)
            else { return false }
        }
        if host.first == UInt8(ascii: "[") {
            let address = host.dropFirst().dropLast()
            return (2...45).contains(address.count) && address.allSatisfy(isIPv6Character)
        }
        return !host.isEmpty && host.allSatisfy(isDNSCharacter)
    }

    /// Where the host ends; `nil` if a bracket is not closed.
    private static func endOfHost(_ bytes: UnsafeRawBufferPointer) -> Int? {
        if bytes.first == UInt8(ascii: "[") { return bytes.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } }
        return bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func isIPv6Character(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20) || byte == UInt8(ascii: ":")
        || byte == UInt8(ascii: ".")
}

private func isDNSCharacter(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: ".")
}
