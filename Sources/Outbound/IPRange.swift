import Glibc

/// A range of IP addresses, as `10.0.0.0/8` or `fe80::/10`; a lone address is a range of one.
package struct IPRange: Hashable, Sendable {
    private let network: IPAddressBytes
    private let prefix: Int

    /// - Returns: `nil` if `text` is no address with or without `/` and a length.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let network = IPAddressBytes(String(first)) else { return nil }
        var prefix = network.bytes.count * 8
        if parts.count == 2 {
            guard let length = Int(parts[1]), (0...prefix).contains(length) else { return nil }
            prefix = length
        }
        // 10.0.0.0/8 has to hold for ::ffff:10.0.0.1 too, and the other way round.
        if let embedded = network.embedded, prefix >= 96 {
            self.network = embedded
            self.prefix = prefix - 96
        } else {
            self.network = network
            self.prefix = prefix
        }
    }

    /// Whether the range holds an address; `false` for text that is none.
    package func contains(_ address: String) -> Bool {
        IPAddressBytes(address).map { contains($0) } ?? false
    }

    func contains(_ address: IPAddressBytes) -> Bool {
        if address.bytes.count != network.bytes.count {
            guard let embedded = address.embedded else { return false }
            return contains(embedded)
        }
        let whole = prefix / 8
        guard address.bytes[..<whole] == network.bytes[..<whole] else { return false }
        let rest = prefix % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return address.bytes[whole] & mask == network.bytes[whole] & mask
    }
}

/// An IP address as bytes: 4 or 16.
struct IPAddressBytes: Hashable, Sendable {
    let bytes: [UInt8]

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter text: An address, with or without the zone of a link-local one.
    init?(_ text: String) {
        let address = text.utf8.firstIndex(of: UInt8(ascii: "%")).map { String(text[..<$0]) } ?? text
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, address, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, address, &six) == 1 {
            bytes = withUnsafeBytes(of: &six) { Array($0) }
        } else {
            return nil
        }
    }

    /// The IPv4 address inside `::ffff:a.b.c.d`; `nil` for any other.
    var embedded: IPAddressBytes? {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        guard bytes.count == 16, bytes.starts(with: mapped) else { return nil }
        return IPAddressBytes(bytes: Array(bytes[12...]))
    }
}
