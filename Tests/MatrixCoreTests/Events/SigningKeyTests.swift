import MatrixCore
import Testing

struct SigningKeyTests {
    /// Spec: Appendices, [Signing key](https://spec.matrix.org/v1.19/appendices/#signing-key).
    static let specificationKey: SigningKey = {
        guard let seed = Base64.decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"),
            let key = SigningKey(seed: seed, version: "1")
        else { preconditionFailure("the specification's key is one") }
        return key
    }()

    /// Spec: Appendices, [JSON signing](https://spec.matrix.org/v1.19/appendices/#json-signing).
    @Test(arguments: [
        ("{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            #"{"one":1,"two":"Two"}"#,
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
        ),
    ]) func `the specification's examples of signed JSON`(_ text: String, _ signature: String) throws {
        let object = try JSONObject.parse(text.utf8)
        let signed = try Self.specificationKey.signing(object, as: "domain")
        #expect(signed.object("signatures") == ["domain": ["ed25519:1": .string(signature)]])
        let publicKey = Self.specificationKey.publicKey
        #expect(publicKey.verify(signed, signedBy: "domain", keyID: "ed25519:1"))
        #expect(!publicKey.verify(signed, signedBy: "other", keyID: "ed25519:1"))
        #expect(!publicKey.verify(signed, signedBy: "domain", keyID: "ed25519:2"))
    }

    @Test func `a signature covers all but signatures and unsigned`() throws {
        let key = Self.specificationKey
        var signed = try key.signing(["a": 1, "unsigned": ["age": 1]], as: "domain")
        signed["unsigned"] = ["age": 2]
        #expect(key.publicKey.verify(signed, signedBy: "domain", keyID: key.id))
        let twice = try EventFixture.key.signing(signed, as: "example.org")
        #expect(key.publicKey.verify(twice, signedBy: "domain", keyID: key.id))
        #expect(EventFixture.key.publicKey.verify(twice, signedBy: "example.org", keyID: "ed25519:a_test"))
        signed["a"] = 2
        #expect(!key.publicKey.verify(signed, signedBy: "domain", keyID: key.id))
    }

    @Test func `nothing but a signature verifies`() {
        let key = Self.specificationKey
        let signature = key.sign([1, 2, 3])
        #expect(signature.count == 64)
        #expect(key.publicKey.verify(signature, of: [1, 2, 3]))
        #expect(!key.publicKey.verify(signature, of: [1, 2]))
        #expect(!key.publicKey.verify(Array(signature.dropLast()), of: [1, 2, 3]))
        #expect(!key.publicKey.verify([], of: []))
        #expect(PublicKey(bytes: [1]) == nil)
        #expect(PublicKey(base64: key.publicKey.base64) == key.publicKey)
        #expect(PublicKey(base64: "not base64") == nil)
    }

    @Test func `a key file is read and written`() throws {
        let line = "ed25519 a_AbCd YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0"
        let keys = try SigningKey.parse(file: line + "\n")
        #expect(keys.map(\.id) == ["ed25519:a_AbCd"])
        #expect(keys.first?.fileLine == line)
        #expect(keys.first?.publicKey == Self.specificationKey.publicKey)
        let two = try SigningKey.parse(
            file: "\n\(line)\r\n  ed25519  2   YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1=  ")
        #expect(two.map(\.version) == ["a_AbCd", "2"])
    }

    @Test func `what is no key file is refused`() {
        let seed = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"
        #expect(throws: SigningKey.FileError.empty) { try SigningKey.parse(file: "\n\n") }
        for line in [
            "ed25519 a", "rsa a \(seed)", "ed25519 a-b \(seed)", "ed25519 a \(seed.dropLast(4))", "ed25519 a !",
        ] {
            #expect(throws: SigningKey.FileError.invalidLine(2)) { try SigningKey.parse(file: "\n" + line) }
        }
    }

    @Test func `a generated key depends on nothing but the generator`() throws {
        var (first, second) = (FuzzGenerator(seed: 1), FuzzGenerator(seed: 1))
        let key = SigningKey.generate(using: &first)
        #expect(key.fileLine == SigningKey.generate(using: &second).fileLine)
        #expect(key.fileLine != SigningKey.generate(using: &second).fileLine)
        #expect(key.id.hasPrefix("ed25519:a_") && key.id.utf8.count == 14)
        #expect(try SigningKey.parse(file: key.fileLine).first?.publicKey == key.publicKey)
    }
}

struct Base64Tests {
    /// Spec: Appendices, [Unpadded base64](https://spec.matrix.org/v1.19/appendices/#unpadded-base64).
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ]) func `the specification's examples`(_ text: String, _ encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        let padding = String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        #expect(Base64.decode(encoded + padding) == Array(text.utf8))
    }

    @Test func `the alphabets differ in two characters`() {
        let bytes: [UInt8] = [0xFB, 0xFF, 0xFE]
        #expect(Base64.encode(bytes) == "+//+")
        #expect(Base64.encode(bytes, alphabet: .urlSafe) == "-__-")
        #expect(Base64.decode("-__-", alphabet: .urlSafe) == bytes)
        #expect(Base64.decode("-__-") == nil)
        #expect(Base64.decode("+//+", alphabet: .urlSafe) == nil)
    }

    @Test(arguments: ["Z", "Zm9vY", "Zg=", "Zg===", "Zm9v=", "=", "====", "Z=g", "Z g", "Zm9v\n", "Zé"])
    func `what is no base64 is refused`(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `every byte survives`() {
        let bytes = (0...255).map { UInt8($0) }
        for alphabet in [Base64.Alphabet.standard, .urlSafe] {
            #expect(Base64.decode(Base64.encode(bytes, alphabet: alphabet), alphabet: alphabet) == bytes)
        }
    }
}
