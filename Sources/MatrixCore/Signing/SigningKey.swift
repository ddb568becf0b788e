import Crypto

/// A server's secret Ed25519 key and the identifier others know it by.
///
/// Spec: Appendices, [Signing details](https://spec.matrix.org/v1.19/appendices/#signing-details).
public struct SigningKey: Sendable {
    /// The signing key identifier, `ed25519:` and ``version``.
    public let id: String
    /// The key's name among its server's keys: letters, digits and underscores.
    public let version: String
    /// What others check signatures with.
    public let publicKey: PublicKey
    private let key: Curve25519.Signing.PrivateKey

    /// - Parameter seed: 32 bytes.
    /// - Returns: `nil` if the seed has another length or the version a character it may not have.
    public init?(seed: [UInt8], version: String) {
        guard seed.count == 32, Self.isValidVersion(version),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        else { return nil }
        self.key = key
        self.version = version
        id = "ed25519:\(version)"
        publicKey = PublicKey(key.publicKey)
    }

    /// Makes a new key.
    public static func generate(using generator: inout some RandomNumberGenerator) -> SigningKey {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        let version = "a_" + String((0..<4).map { _ in letters[Int.random(in: letters.indices, using: &generator)] })
        let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        guard let key = SigningKey(seed: seed, version: version) else {
            preconditionFailure("any 32 bytes are an Ed25519 seed")
        }
        return key
    }

    /// The signature of `bytes`, 64 bytes.
    public func sign(_ bytes: [UInt8]) -> [UInt8] {
        guard let signature = try? key.signature(for: bytes) else {
            preconditionFailure("Ed25519 signs any bytes")
        }
        return Array(signature)
    }

    /// 32 bytes that follow from this key and a purpose, and tell nothing about the key.
    public func secret(for purpose: String) -> [UInt8] {
        let master = SymmetricKey(data: key.rawRepresentation)
        return Array(HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: master))
    }

    /// `object` with this key's signature added to its `signatures`.
    ///
    /// For anything but events, of which signatures cover the redacted form.
    /// Spec: Appendices, [Signing JSON](https://spec.matrix.org/v1.19/appendices/#signing-json).
    /// - Parameter name: Who signs: a server name.
    public func signing(_ object: JSONObject, as name: String) throws(CanonicalJSONError) -> JSONObject {
        let signature = Base64.encode(sign(try object.signedBytes()))
        var object = object
        var signatures = object.object("signatures") ?? [:]
        var own = signatures.object(name) ?? [:]
        own[id] = .string(signature)
        signatures[name] = .object(own)
        object["signatures"] = .object(signatures)
        return object
    }

    private static func isValidVersion(_ version: String) -> Bool {
        !version.isEmpty
            && version.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

// A signing key file, in the form other servers write it: a key a line, as in "ed25519 a_AbCd <seed in base64>".
extension SigningKey {
    /// Why text is no signing key file.
    public enum FileError: Error, Hashable, Sendable {
        /// The line, counted from 1, is no Ed25519 key.
        case invalidLine(Int)
        case empty
    }

    /// The key as a line of a signing key file, without a line feed.
    public var fileLine: String { "ed25519 \(version) \(Base64.encode(Array(key.rawRepresentation)))" }

    /// Reads a signing key file. The first key is the one to sign with.
    /// - Returns: At least one key.
    public static func parse(file text: String) throws(FileError) -> [SigningKey] {
        var keys: [SigningKey] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let parts = line.split(whereSeparator: \.isWhitespace)
            if parts.isEmpty { continue }
            guard parts.count == 3, parts[0] == "ed25519", let seed = Base64.decode(String(parts[2])),
                let key = SigningKey(seed: seed, version: String(parts[1]))
            else { throw .invalidLine(index + 1) }
            keys.append(key)
        }
        if keys.isEmpty { throw .empty }
        return keys
    }
}

/// A server's public Ed25519 key.
public struct PublicKey: Sendable, Hashable {
    /// The key itself, 32 bytes.
    public let bytes: [UInt8]
    private let key: Curve25519.Signing.PublicKey

    /// - Returns: `nil` unless `bytes` are 32.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { return nil }
        self.init(key)
    }

    /// Reads a key in base64, as `verify_keys` holds it.
    public init?(base64: String) {
        guard let bytes = Base64.decode(base64) else { return nil }
        self.init(bytes: bytes)
    }

    init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
        bytes = Array(key.rawRepresentation)
    }

    /// The key in unpadded base64.
    public var base64: String { Base64.encode(bytes) }

    /// Whether `signature` is this key's of `bytes`.
    public func verify(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        signature.count == 64 && key.isValidSignature(signature, for: bytes)
    }

    /// Whether `object` holds a signature by this key under this name and key identifier.
    ///
    /// Spec: Appendices, [Checking for a signature](https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature).
    public func verify(_ object: JSONObject, signedBy name: String, keyID: String) -> Bool {
        guard let text = object.object("signatures")?.object(name)?.string(keyID),
            let signature = Base64.decode(text), let bytes = try? object.signedBytes()
        else { return false }
        return verify(signature, of: bytes)
    }

    public static func == (left: PublicKey, right: PublicKey) -> Bool { left.bytes == right.bytes }
    public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension JSONObject {
    /// What a signature of this object covers: its canonical form without `signatures` and `unsigned`.
    func signedBytes() throws(CanonicalJSONError) -> [UInt8] {
        var covered = self
        covered["signatures"] = nil
        covered["unsigned"] = nil
        return try covered.canonical()
    }
}
