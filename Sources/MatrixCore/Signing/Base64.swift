/// Base64 without padding, as Matrix writes binary data in JSON.
///
/// Spec: Appendices, [Unpadded base64](https://spec.matrix.org/v1.19/appendices/#unpadded-base64).
public enum Base64 {
    /// Which characters stand for the values 62 and 63.
    public enum Alphabet: Sendable {
        /// `+` and `/`.
        case standard
        /// `-` and `_`.
        case urlSafe

        fileprivate var characters: StaticString {
            switch self {
            case .standard: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            case .urlSafe: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            }
        }
    }

    /// The bytes as unpadded base64.
    public static func encode(_ bytes: some Collection<UInt8>, alphabet: Alphabet = .standard) -> String {
        let characters = alphabet.characters.utf8Start
        let length = (bytes.count * 4 + 2) / 3
        return String(unsafeUninitializedCapacity: length) { output in
            var (written, pending, bits) = (0, UInt32(0), 0)
            for byte in bytes {
                pending = pending << 8 | UInt32(byte)
                bits += 8
                while bits >= 6 {
                    bits -= 6
                    output[written] = characters[Int(pending >> UInt32(bits) & 63)]
                    written += 1
                }
            }
            if bits > 0 {
                output[written] = characters[Int(pending << UInt32(6 - bits) & 63)]
                written += 1
            }
            return written
        }
    }

    /// The bytes that `text` stands for, with or without padding; `nil` if it has a character outside the alphabet or a
    /// length no encoder produces.
    ///
    /// Bits past the last whole byte are ignored, as other servers do.
    public static func decode(_ text: String, alphabet: Alphabet = .standard) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3 / 4)
        var (pending, bits, length, padding) = (UInt32(0), 0, 0, 0)
        for character in text.utf8 {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: character, in: alphabet) else { return nil }
            length += 1
            pending = pending << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
            }
        }
        guard length % 4 != 1, padding == 0 || (length + padding) % 4 == 0 && padding <= 2 else { return nil }
        return bytes
    }

    private static func value(of character: UInt8, in alphabet: Alphabet) -> UInt32? {
        switch (character, alphabet) {
        case (UInt8(ascii: "A")...UInt8(ascii: "Z"), _): UInt32(character - 0x41)
        case (UInt8(ascii: "a")...UInt8(ascii: "z"), _): UInt32(character - 0x61 + 26)
        case (UInt8(ascii: "0")...UInt8(ascii: "9"), _): UInt32(character - 0x30 + 52)
        case (UInt8(ascii: "+"), .standard), (UInt8(ascii: "-"), .urlSafe): 62
        case (UInt8(ascii: "/"), .standard), (UInt8(ascii: "_"), .urlSafe): 63
        default: nil
        }
    }
}
