import Crypto

/// Makes access tokens whose text can be told again, which modules that hear of its end want to know.
///
/// The text follows from a seed in the database and from a key that is not there: who reads the database alone still cannot
/// log in with it.
package struct TokenRecovery: Sendable {
    private let key: SymmetricKey

    /// - Parameter secret: At least 32 bytes that do not lie in the database. With others, earlier texts are lost.
    package init(secret: [UInt8]) { key = SymmetricKey(data: secret) }

    func text(from seed: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let code = HMAC<SHA256>.authenticationCode(for: seed, using: key)
        return "axt_" + String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }
}
