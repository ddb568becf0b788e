import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A listener with everything its connections need.
final class ActiveListener: Sendable {
    let listener: Listener
    let dispatcher: Dispatcher
    let writer: AnswerWriter
    let configuration: WebServer.Configuration
    let connections: Connections
    let logger: Logger
    let accessLogger: Logger
    let certificate: Certificate?
    private let requestNumbers: RequestNumbers

    init(
        _ listener: Listener, _ dispatcher: Dispatcher, configuration: WebServer.Configuration,
        connections: Connections, certificate: Certificate?, requestNumbers: RequestNumbers, logger: Logger,
        accessLogger: Logger
    ) {
        self.listener = listener
        self.dispatcher = dispatcher
        self.configuration = configuration
        self.connections = connections
        self.certificate = certificate
        self.requestNumbers = requestNumbers
        self.logger = logger
        self.accessLogger = accessLogger
        writer = AnswerWriter(version: configuration.version)
    }

    var name: String { listener.name }
    var trustsForwardedFor: Bool { listener.trustsForwardedFor }
    var requestIDHeader: String? { listener.requestIDHeader }

    func nextRequestNumber() -> UInt64 { requestNumbers.next() }
}

/// Numbers requests across all listeners, from 1.
final class RequestNumbers: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// A listener's TLS certificate, which can be read anew while connections are open.
final class Certificate: Sendable {
    private let listener: String
    private let files: Listener.TLS
    private let loaded: Mutex<NIOSSLContext>

    /// - Throws: ``ListenError`` if a file cannot be read, or the key does not belong to the certificate.
    init(_ files: Listener.TLS, listener: String) throws(ListenError) {
        self.files = files
        self.listener = listener
        loaded = Mutex(try Self.load(files, listener: listener))
    }

    var context: NIOSSLContext { loaded.withLock { $0 } }

    /// Reads the files anew; connections made from now on use them.
    /// - Throws: ``ListenError`` if they are no good; what was loaded before stays.
    func reload() throws(ListenError) {
        let context = try Self.load(files, listener: listener)
        loaded.withLock { $0 = context }
    }

    private static func load(_ files: Listener.TLS, listener: String) throws(ListenError) -> NIOSSLContext {
        func failure(_ what: String, _ file: String, _ error: any Error, _ fix: String) -> ListenError {
            ListenError(description: "Listener \(listener): cannot \(what) \(file): \(error). \(fix)")
        }
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        } catch {
            throw failure(
                "read the certificate", files.certificateFile, error,
                "Check that tls_certificate_path names a readable PEM file.")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.privateKeyFile, format: .pem)
        } catch {
            throw failure(
                "read the private key", files.privateKeyFile, error,
                "Check that tls_private_key_path names a PEM file this user may read.")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw failure(
                "use the certificate", files.certificateFile, error,
                "Check that \(files.privateKeyFile) is the key of that certificate.")
        }
    }
}
