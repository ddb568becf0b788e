/// Makes secrets.
package enum Secrets {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// A secret of 43 letters and digits, more than 250 bits.
    package static func random(using generator: inout some RandomNumberGenerator) -> String {
        String(
            decoding: (0..<43).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] },
            as: UTF8.self)
    }
}
