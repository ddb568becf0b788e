/// Where the server takes what must not be guessed: tokens, session IDs, nonces. Tests hand in a predictable one.
package struct RandomSource: Sendable {
    /// Returns this many random bytes.
    package let bytes: @Sendable (Int) -> [UInt8]

    package init(bytes: @escaping @Sendable (Int) -> [UInt8]) { self.bytes = bytes }

    /// The operating system's generator.
    package static let system = RandomSource { count in
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// A string of `count` letters `a–z A–Z`, each equally likely (5.7 bits apiece).
    package func letters(_ count: Int) -> String { string(count, from: Self.letterBytes) }

    /// A string of `count` letters `A–Z`, as device IDs have.
    package func capitals(_ count: Int) -> String { string(count, from: Self.letterBytes[..<26]) }

    /// A string of `count` digits.
    package func digits(_ count: Int) -> String { string(count, from: Self.digitBytes[...]) }

    private func string(_ count: Int, from alphabet: some RandomAccessCollection<UInt8>) -> String {
        // Bytes past the last whole multiple of the alphabet are thrown away, so that no letter is likelier than another.
        let limit = 256 - 256 % alphabet.count
        var text: [UInt8] = []
        text.reserveCapacity(count)
        while text.count < count {
            for byte in bytes((count - text.count) * 3 / 2 + 1) where Int(byte) < limit && text.count < count {
                text.append(alphabet[alphabet.index(alphabet.startIndex, offsetBy: Int(byte) % alphabet.count)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let letterBytes = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let digitBytes = Array("0123456789".utf8)
}
