import Crypto
package import MatrixCore
import Synchronization

/// Registration by whoever knows the server's shared secret, which is how administrators make accounts.
///
/// A request carries a nonce, good once and for a minute, and the HMAC-SHA1 of nonce, name, password and kind.
/// See <https://element-hq.github.io/synapse/latest/admin_api/register_api.html>.
package final class SharedSecretRegistration: Sendable {
    private static let nonceLifetime = Duration.seconds(60)
    /// How many nonces are remembered; asking for more makes the oldest void.
    private static let maximumNonces = 10_000

    private let accounts: AccountService
    private let time: TimeSource
    private let random: RandomSource
    /// The nonces given out, oldest first.
    private let nonces = Mutex<[(nonce: String, expiry: Timestamp)]>([])

    package init(accounts: AccountService, time: TimeSource = .system, random: RandomSource = .system) {
        self.accounts = accounts
        self.time = time
        self.random = random
    }

    /// Gives out a nonce.
    /// - Throws: 400 if the server has no shared secret.
    package func newNonce() throws(MatrixError) -> String {
        _ = try secret()
        let digits = Array("0123456789abcdef".utf8)
        let text = random.bytes(64).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }
        let nonce = String(decoding: text, as: UTF8.self)
        let now = time.now()
        nonces.withLock { nonces in
            nonces.removeAll { $0.expiry < now }
            if nonces.count >= Self.maximumNonces { nonces.removeFirst() }
            nonces.append((nonce, now.advanced(by: Self.nonceLifetime)))
        }
        return nonce
    }

    /// Makes the account a request asks for.
    ///
    /// - Parameter body: `nonce`, `username`, `password`, `mac`, and optionally `admin`, `user_type`, `displayname` and
    ///   `inhibit_login`.
    /// - Throws: 400 for what is missing or wrong, with Synapse's words; 403 for a wrong `mac`.
    package func register(_ body: JSONObject) async throws -> RegisteredAccount {
        let secret = try secret()
        let nonce = try Self.member("nonce", of: body)
        guard let nonce = nonce.stringValue, take(nonce) else { throw MatrixError.unknown("unrecognised nonce") }
        let username = try Self.text("username", of: body)
        let password = try Self.text("password", of: body)
        let type = body["user_type"] ?? .null
        let userType = type.stringValue
        guard type.isNull || userType.map(accounts.settings.userTypes.contains) == true else {
            throw MatrixError.unknown("Invalid user type")
        }
        let mac = try Self.member("mac", of: body)
        let isAdmin = Self.isTrue(body["admin"])

        var parts = [nonce, username, password, isAdmin ? "admin" : "notadmin"]
        if let userType { parts.append(userType) }
        let expected = Self.mac(of: parts, secret: secret)
        guard let mac = mac.stringValue, constantTimeEqual(mac.utf8, expected.utf8) else {
            throw MatrixError(status: 403, code: .unknown, message: "HMAC incorrect")
        }

        var registration = NewRegistration(localpart: asciiLowercased(username))
        registration.isAdmin = isAdmin
        registration.userType = userType
        registration.displayName = body.string("displayname").map { String($0.prefix(256)) }
        if !Self.isTrue(body["inhibit_login"]) { registration.device = try DeviceRequest(body) }
        try await accounts.checkUsername(asciiLowercased(username))
        registration.passwordHash = try await accounts.hash(newPassword: password)
        return try await accounts.register(registration)
    }

    /// The HMAC a request must carry, in hexadecimal: of its parts with a NUL between each two.
    package static func mac(of parts: [String], secret: String) -> String {
        var hmac = HMAC<Insecure.SHA1>(key: SymmetricKey(data: Array(secret.utf8)))
        hmac.update(data: Array(parts.map { Array($0.utf8) }.joined(separator: [0])))
        let digits = Array("0123456789abcdef".utf8)
        let text = hmac.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }
        return String(decoding: text, as: UTF8.self)
    }

    private func secret() throws(MatrixError) -> String {
        guard let secret = accounts.settings.registrationSharedSecret, !secret.isEmpty else {
            throw .unknown("Shared secret registration is not enabled")
        }
        return secret
    }

    /// Makes a nonce void.
    /// - Returns: Whether it was good.
    private func take(_ nonce: String) -> Bool {
        let now = time.now()
        return nonces.withLock { nonces in
            nonces.removeAll { $0.expiry < now }
            guard let index = nonces.firstIndex(where: { $0.nonce.hasSameBytes(as: nonce) }) else { return false }
            nonces.remove(at: index)
            return true
        }
    }

    private static func member(_ key: String, of body: JSONObject) throws(MatrixError) -> JSON {
        guard let value = body[key] else { throw .badJSON("\(key) must be specified") }
        return value
    }

    private static func text(_ key: String, of body: JSONObject) throws(MatrixError) -> String {
        let value = try member(key, of: body)
        guard let text = value.stringValue, text.unicodeScalars.count <= 512, !text.utf8.contains(0) else {
            throw .unknown("Invalid \(key)")
        }
        return text
    }

    /// Whether a value counts as true in the language of those who wrote the clients of this.
    private static func isTrue(_ value: JSON?) -> Bool {
        switch value {
        case nil, .null, .bool(false), .integer(0): false
        case .string(let text): !text.isEmpty
        default: true
        }
    }
}
