/// What `register-user` needs of a configuration. The rest of it may be faulty.
package struct RegistrationAccess: Sendable, Equatable {
    package let sharedSecret: String
    /// The URL of a listener that serves clients without TLS, seen from this machine.
    package let url: String?

    package init(sharedSecret: String, url: String?) { (self.sharedSecret, self.url) = (sharedSecret, url) }

    /// - Throws: ``ConfigurationError`` if the files cannot be read or hold no secret.
    package static func read(_ paths: [String]) throws(ConfigurationError) -> RegistrationAccess {
        let merged = try ConfigurationFiles.read(paths)
        let log = FaultLog()
        let options = OptionReader(
            members: merged.members, location: merged.files.last.map { SourceLocation(file: $0) }, log: log)
        guard let secret = options.secret("registration_shared_secret") else {
            if log.errors.isEmpty {
                options.fail(
                    "registration_shared_secret", "missing", fix: "set it to a long random text and restart the server")
            }
            throw ConfigurationError(log.errors)
        }
        // Faults of listeners are the server's matter.
        let listeners = Listener.read(
            OptionReader(members: merged.members, location: options.location, log: FaultLog()), hasTLS: true)
        return RegistrationAccess(sharedSecret: secret, url: listeners.compactMap(localURL(of:)).first)
    }

    private static func localURL(of listener: Listener) -> String? {
        guard listener.kind == .http, !listener.usesTLS, listener.serves(.client),
            case .tcp(let hosts, let port) = listener.address
        else { return nil }
        let host =
            switch hosts.first {
            case nil, "0.0.0.0": "127.0.0.1"
            case "::": hosts.contains("0.0.0.0") ? "127.0.0.1" : "[::1]"
            case let host?: host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
            }
        return "http://\(host):\(port)"
    }
}
