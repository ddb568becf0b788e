import Crypto
import MatrixCore

/// Registering a user by the shared secret: Synapse's
/// [shared-secret registration](https://element-hq.github.io/synapse/latest/admin_api/register_api.html).
struct UserRegistration {
    static let path = "/_synapse/admin/v1/register"

    let localpart: String
    let password: String
    let isAdmin: Bool
    /// `support` or `bot`, or another type that the server knows.
    let userType: String?

    enum Outcome: Equatable {
        /// The new user's ID.
        case registered(String)
        case existsAlready
    }

    /// What the server answered instead of what was expected.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// Proves that who registers knows the secret.
    static func mac(secret: String, nonce: String, of registration: UserRegistration) -> String {
        var fields = [
            nonce, registration.localpart, registration.password, registration.isAdmin ? "admin" : "notadmin",
        ]
        if let userType = registration.userType { fields.append(userType) }
        let code = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(fields.joined(separator: "\0").utf8), using: SymmetricKey(data: Array(secret.utf8)))
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Registers the user.
    /// - Parameter send: Sends a request to the server: method, path and body; answers with status and body.
    /// - Throws: ``Refusal``, or what `send` throws.
    func run(
        secret: String, send: (_ method: String, _ path: String, _ body: [UInt8]) async throws -> (Int, [UInt8])
    ) async throws -> Outcome {
        let (status, bytes) = try await send("GET", Self.path, [])
        guard status == 200, let nonce = (try? JSONObject.parse(bytes))?.string("nonce") else {
            throw refusal(status, bytes, "the server offers no registration by shared secret")
        }
        var body: JSONObject = [
            "nonce": .string(nonce), "username": .string(localpart), "password": .string(password),
            "mac": .string(Self.mac(secret: secret, nonce: nonce, of: self)), "admin": .bool(isAdmin),
        ]
        if let userType { body["user_type"] = .string(userType) }
        let (answer, result) = try await send("POST", Self.path, body.encoded())
        let object = try? JSONObject.parse(result)
        if answer == 200 { return .registered(object?.string("user_id") ?? localpart) }
        if object?.string("errcode") == "M_USER_IN_USE" { return .existsAlready }
        throw refusal(answer, result, "the server refused")
    }

    private func refusal(_ status: Int, _ bytes: [UInt8], _ meaning: String) -> Refusal {
        let object = try? JSONObject.parse(bytes)
        guard let error = object?.string("error") else { return Refusal(description: "\(meaning) (HTTP \(status))") }
        let code = object?.string("errcode").map { " (\($0))" } ?? ""
        return Refusal(description: "\(meaning): \(error)\(code)")
    }
}
