import ServerConfiguration
import WebServer

extension Configuration {
    /// What the web server is to listen on.
    var httpListeners: [HTTPListener] {
        listeners.filter { $0.kind != .manhole }.map { listener in
            let place: HTTPListener.Place =
                switch listener.address {
                case .tcp(let hosts, let port): .port(port, addresses: hosts)
                case .unix(let path, let mode): .unixSocket(path: path, mode: UInt16(truncatingIfNeeded: mode))
                }
            let certificate = tls.map {
                HTTPListener.TLS(certificateFile: $0.certificatePath, privateKeyFile: $0.privateKeyPath)
            }
            let resources: Set<HTTPResource> =
                listener.kind == .metrics
                ? [.metrics] : Set(listener.resources.map { HTTPResource(rawValue: $0.rawValue) })
            return HTTPListener(
                name: listener.tag, place: place, tls: listener.usesTLS ? certificate : nil,
                trustsForwardedFor: listener.trustsForwardedFor, requestIDHeader: listener.requestIDHeader,
                resources: resources)
        }
    }
}
