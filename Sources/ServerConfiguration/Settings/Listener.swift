/// A socket the server listens on. Synapse's manual: `listeners`.
package struct Listener: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        /// The Matrix API and what belongs to it, by ``Listener/resources``.
        case http
        /// Prometheus metrics alone, on every path.
        case metrics
        /// Synapse's debug shell; read, so that an existing file works, and never opened.
        case manhole
    }

    package enum Address: Sendable, Hashable {
        /// A port on each of several addresses. Port 0 lets the system choose one.
        case tcp(hosts: [String], port: Int)
        /// A socket in the file system with these permissions.
        case unix(path: String, mode: UInt32)
    }

    /// A part of the API. Synapse's names.
    package enum Resource: String, Sendable, CaseIterable {
        case client, consent, federation, health, keys, media, metrics, openid, replication, `static`
    }

    package var kind: Kind
    package var address: Address
    package var usesTLS: Bool
    /// Whether the first address in `X-Forwarded-For` is the client's. Always so on a unix socket.
    package var trustsForwardedFor: Bool
    /// A header whose value names the request in the log.
    package var requestIDHeader: String?
    /// A name for logs and metrics.
    package var tag: String?
    package var resources: Set<Resource>
    /// Whether answers are compressed for clients that ask.
    package var compresses: Bool

    /// Whether requests for `resource` are answered here. `client` also covers what Synapse serves along with it.
    package func serves(_ resource: Resource) -> Bool {
        switch (kind, resource) {
        case (.metrics, .metrics): true
        case (.metrics, _), (.manhole, _): false
        case (.http, .health): true
        case (.http, .media), (.http, .static): resources.contains(resource) || resources.contains(.client)
        case (.http, .openid): resources.contains(.openid) || resources.contains(.federation)
        case (.http, .keys): resources.contains(.keys) || resources.contains(.federation)
        case (.http, _): resources.contains(resource)
        }
    }
}

extension Listener {
    static func read(_ options: OptionReader, hasTLS: Bool) -> [Listener] {
        let sections = options.sections("listeners")
        let listeners = sections.compactMap { Listener($0, hasTLS: hasTLS) }
        if sections.isEmpty {
            options.fail(
                "listeners", "no listener is configured, so nothing could reach the server",
                fix:
                    "add 'listeners: [{port: 8008, type: http, bind_addresses: [127.0.0.1], resources: [{names: [client]}]}]'"
            )
        }
        return listeners.filter { $0.kind != .manhole }
    }

    private init?(_ options: OptionReader, hasTLS: Bool) {
        if !options.has("type") {
            options.fail("type", "missing", fix: "add 'type: http'")
            return nil
        }
        guard let kind: Kind = options.choice("type"), let address = Self.address(options) else { return nil }
        self.kind = kind
        self.address = address
        usesTLS = options.bool("tls", default: false)
        requestIDHeader = options.text("request_id_header")
        tag = options.text("tag")
        var resources: Set<Resource> = []
        var compresses = false
        for section in options.sections("resources") {
            compresses = section.bool("compress", default: false) || compresses
            let names = section.node("names")?.string.map { [$0] } ?? section.strings("names") ?? []
            for name in names {
                if let resource = Resource(rawValue: name) {
                    resources.insert(resource)
                } else if name != "webclient" {
                    let known = Resource.allCases.map(\.rawValue).joined(separator: ", ")
                    section.fail("names", "'\(name)' is not a resource", fix: "use some of: \(known)")
                }
            }
        }
        self.resources = resources
        self.compresses = compresses
        switch address {
        case .tcp: trustsForwardedFor = options.bool("x_forwarded", default: false)
        case .unix: trustsForwardedFor = options.bool("x_forwarded", default: true)
        }
        if usesTLS {
            if case .unix = address {
                options.fail("tls", "not possible on a unix socket", fix: "remove the line")
            } else if !hasTLS {
                options.fail(
                    "tls", "there is no certificate to use",
                    fix: "set 'tls_certificate_path' and 'tls_private_key_path', or 'tls: false' behind a reverse proxy"
                )
            }
        }
        if kind == .http, resources.isEmpty {
            options.warn("resources", "nothing is served on this listener", fix: "add 'resources: [{names: [client]}]'")
        }
    }

    private static func address(_ options: OptionReader) -> Address? {
        if let path = options.text("path") {
            if options.has("port") {
                options.fail("path", "given together with 'port'", fix: "keep one of the two")
                return nil
            }
            // sockaddr_un has room for 108 bytes, the last of them 0.
            guard path.utf8.count < 108 else {
                options.fail("path", "longer than 107 bytes", fix: "use a shorter path")
                return nil
            }
            return .unix(path: path, mode: mode(options))
        }
        guard options.has("port") else {
            options.fail("port", "missing", fix: "add 'port: 8008', or 'path: FILE' for a unix socket")
            return nil
        }
        guard let port = options.integer("port", in: 0...65_535) else { return nil }
        var hosts = options.strings("bind_addresses") ?? []
        if let host = options.text("bind_address") { hosts.append(host) }
        return .tcp(hosts: hosts.isEmpty ? ["::", "0.0.0.0"] : hosts, port: port)
    }

    /// The permissions of a socket, `666` by default. YAML reads `0660` and `0o660` as octal and `660` as decimal, while all
    /// three are meant to be permissions.
    private static func mode(_ options: OptionReader) -> UInt32 {
        guard let node = options.node("mode") else { return 0o666 }
        var mode: UInt32?
        switch node.value {
        case .integer(let value):
            mode = UInt32(exactly: value).flatMap { $0 <= 0o777 ? $0 : UInt32(String($0), radix: 8) }
        case .string(let text):
            mode = UInt32(text.hasPrefix("0o") ? String(text.dropFirst(2)) : text, radix: 8)
        default: break
        }
        if let mode, mode <= 0o777 { return mode }
        options.fail(
            "mode", "not the permissions of a file", fix: "write three octal digits with a 0 in front, as '0660'")
        return 0o666
    }
}

/// The certificate that listeners with `tls: true` show.
package struct TLSFiles: Sendable, Hashable {
    /// `tls_certificate_path`: PEM, the server's certificate first, then the chain.
    package var certificatePath: String
    /// `tls_private_key_path`: PEM.
    package var privateKeyPath: String

    package init(certificatePath: String, privateKeyPath: String) {
        (self.certificatePath, self.privateKeyPath) = (certificatePath, privateKeyPath)
    }

    init?(_ options: OptionReader) {
        let certificate = options.existingFile("tls_certificate_path")
        let key = options.existingFile("tls_private_key_path")
        switch (certificate, key) {
        case (let certificate?, let key?): self.init(certificatePath: certificate, privateKeyPath: key)
        case (nil, nil): return nil
        case (.some, nil):
            options.fail("tls_private_key_path", "missing", fix: "set it beside 'tls_certificate_path'")
            return nil
        case (nil, .some):
            options.fail("tls_certificate_path", "missing", fix: "set it beside 'tls_private_key_path'")
            return nil
        }
    }
}
