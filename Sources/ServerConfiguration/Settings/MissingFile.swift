import MatrixCore

/// A file that an option names, that is not there, and that the server may write itself, as Synapse does.
package enum MissingFile: Sendable, Hashable {
    case signingKey(path: String)
    case registrationSharedSecret(path: String)

    package var path: String {
        switch self {
        case .signingKey(let path), .registrationSharedSecret(let path): path
        }
    }
}

/// The server's signing keys, the one to sign with first. Synapse's manual: `signing_key_path`.
enum SigningKeys {
    static func read(
        _ options: OptionReader, serverName: ServerName?, directory: String, missing: inout [MissingFile]
    ) -> [SigningKey] {
        if options.has("signing_key") {
            if options.has("signing_key_path") {
                options.fail("signing_key", "given together with 'signing_key_path'", fix: "keep one of the two")
            }
            return options.text("signing_key").map { parse($0, options, "signing_key") } ?? []
        }
        let path = options.text("signing_key_path") ?? "\(directory)/\(serverName?.string ?? "server").signing.key"
        if !Files.exists(path) {
            missing.append(.signingKey(path: path))
            return []
        }
        return options.fileText("signing_key_path", path: path).map { parse($0, options, "signing_key_path") } ?? []
    }

    private static func parse(_ text: String, _ options: OptionReader, _ key: String) -> [SigningKey] {
        do throws(SigningKey.FileError) {
            return try SigningKey.parse(file: text)
        } catch {
            let place = if case .invalidLine(let line) = error { "line \(line) of it is" } else { "it is" }
            options.fail(
                key, "\(place) no signing key",
                fix: "a line should read 'ed25519 a_AbCd' and 43 characters of base64, as Synapse writes it")
            return []
        }
    }
}

extension Configuration {
    /// Writes the files that are missing, each readable by its owner alone, and takes up what they hold.
    /// - Returns: The files written.
    /// - Throws: ``ConfigurationError`` if one cannot be written.
    package mutating func writeMissingFiles(
        using generator: inout some RandomNumberGenerator
    ) throws(ConfigurationError) -> [MissingFile] {
        for file in missingFiles {
            let text: String
            let option: String
            switch file {
            case .signingKey:
                let key = SigningKey.generate(using: &generator)
                text = key.fileLine + "\n"
                signingKeys = [key]
                option = "signing_key_path"
            case .registrationSharedSecret:
                text = Secrets.random(using: &generator) + "\n"
                registration.sharedSecret = text.trimmed()
                option = "registration_shared_secret_path"
            }
            do throws(Files.Failure) {
                try Files.create(file.path, text)
            } catch {
                throw ConfigurationError(
                    ConfigurationFault(
                        at: files.last.map { SourceLocation(file: $0) }, option: option,
                        problem: "the file \(file.path) is missing and cannot be written: \(error)",
                        fix: "create it, or let the server's user write to its directory"))
            }
        }
        defer { missingFiles = [] }
        return missingFiles
    }
}
