/// A place where the server accepts connections: one entry of `listeners` in `homeserver.yaml`.
package struct Listener: Sendable {
    package enum Place: Sendable {
        /// One port on each of some addresses. Port 0 takes any free one.
        case port(Int, addresses: [String])
        /// A Unix socket; `mode` is its file permissions, such as `0o666`.
        case unixSocket(path: String, mode: UInt16)
    }

    /// The files of a TLS certificate, both PEM.
    package struct TLS: Sendable {
        /// The certificate and the chain up to its root.
        package var certificateFile: String
        package var privateKeyFile: String

        package init(certificateFile: String, privateKeyFile: String) {
            self.certificateFile = certificateFile
            self.privateKeyFile = privateKeyFile
        }
    }

    /// What the log and error messages call it: its `tag`, or its port or path.
    package var name: String
    package var place: Place
    package var tls: TLS?
    /// Whether a reverse proxy stands before this listener, whose `X-Forwarded-For` names the client.
    package var trustsForwardedFor: Bool
    /// The header whose value is taken as the request's ID, if a proxy sets one.
    package var requestIDHeader: String?
    package var resources: Set<Resource>

    package init(
        name: String? = nil, place: Place, tls: TLS? = nil, trustsForwardedFor: Bool = false,
        requestIDHeader: String? = nil, resources: Set<Resource>
    ) {
        switch place {
        case .port(let port, _): self.name = name ?? "\(port)"
        case .unixSocket(let path, _): self.name = name ?? path
        }
        self.place = place
        self.tls = tls
        self.trustsForwardedFor = trustsForwardedFor
        self.requestIDHeader = requestIDHeader
        self.resources = resources
    }
}

/// Where a listener ended up.
package struct BoundListener: Sendable {
    package let name: String
    /// The address and port, or the path of the socket.
    package let address: String
    /// The port; `nil` for a Unix socket.
    package let port: Int?
    package let isTLS: Bool
}

/// Why a listener could not be opened, in words for whoever wrote the configuration.
package struct ListenError: Error, CustomStringConvertible {
    package let description: String
}
