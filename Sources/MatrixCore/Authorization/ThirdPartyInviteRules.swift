// The signatures of a third-party invite: rule 4.3.1.7 of version 6, elsewhere that of the same wording.
extension AuthorizationCheck {
    /// How many pairs of signature and key are tried. An invite has one of each; an event holds thousands.
    private static let maximumAttempts = 128

    /// Whether any signature in `signed` matches any public key in the content of an `m.room.third_party_invite`.
    func isSigned(_ signed: JSONObject, byKeyOf offer: JSONObject) -> Bool {
        let keys = publicKeys(of: offer)
        guard !keys.isEmpty, let bytes = try? signed.signedBytes() else { return false }
        var attempts = 0
        for (_, signatures) in signed.object("signatures") ?? [:] {
            for (keyID, signature) in signatures.objectValue ?? [:] where keyID.utf8.starts(with: "ed25519:".utf8) {
                guard let signature = signature.stringValue.flatMap(decodeEitherAlphabet) else { continue }
                for key in keys {
                    attempts += 1
                    guard attempts <= Self.maximumAttempts else { return false }
                    if key.verify(signature, of: bytes) { return true }
                }
            }
        }
        return false
    }

    /// The keys in `public_key` and `public_keys`, those that are Ed25519 keys.
    private func publicKeys(of offer: JSONObject) -> [PublicKey] {
        var encoded = (offer.array("public_keys") ?? []).prefix(Self.maximumAttempts).compactMap {
            $0["public_key"]?.stringValue
        }
        if let key = offer.string("public_key") { encoded.insert(key, at: 0) }
        return encoded.compactMap { decodeEitherAlphabet($0).flatMap { PublicKey(bytes: $0) } }
    }

    /// The specification allows both alphabets.
    private func decodeEitherAlphabet(_ text: String) -> [UInt8]? {
        Base64.decode(text) ?? Base64.decode(text, alphabet: .urlSafe)
    }
}
