import Logging
import MatrixCore

/// Takes a request to its endpoint and brings back an answer, whatever happens on the way.
struct Dispatcher: Sendable {
    /// What becomes of a request, decided when its head is there.
    enum Plan {
        case run(Route, parameters: [Range<Int>])
        /// Nobody handles it; this is the answer.
        case refuse(Reply, EndpointMetrics)
    }

    /// What came of a request.
    struct Outcome: Sendable {
        let reply: Reply
        let requester: Requester?
    }

    private let router: Router
    private let mounts: MountTable
    private let authenticator: any Authenticator
    private let logger: Logger
    private let strays: EndpointMetrics

    /// - Parameter resources: What is served; endpoints of other parts are left out.
    init(
        _ groups: [any EndpointGroup], mounts: MountTable, resources: Set<Resource>,
        authenticator: any Authenticator, metrics: HTTPMetrics, logger: Logger
    ) {
        self.mounts = mounts
        let served = resources.reduce(into: Set<Resource>()) { $0.formUnion($1.implied) }
        var router = Router()
        for group in groups {
            for endpoint in group.endpoints where served.contains(endpoint.resource) {
                let endpointMetrics = metrics.endpoint(endpoint)
                for path in endpoint.paths {
                    router.add(Route(endpoint: endpoint, template: PathTemplate(path), metrics: endpointMetrics))
                }
            }
        }
        self.router = router
        self.authenticator = authenticator
        self.logger = logger
        strays = metrics.strays
    }

    func plan(_ head: RequestHead) -> Plan {
        if head.isOptions { return .refuse(Reply(status: 204), strays) }
        let match = head.uri.utf8.withContiguousStorageIfAvailable { bytes in
            self.match(head.method, UnsafeBufferPointer(rebasing: bytes[head.path]))
        }
        switch match {
        case .found(let route, let parameters): return .run(route, parameters: parameters)
        case .wrongMethod(let allowed):
            var error = Self.unrecognized(status: 405)
            error.headers = [HeaderField("Allow", Self.list(allowed))]
            return .refuse(.error(error), strays)
        case .unknown, nil: return .refuse(.error(Self.unrecognized(status: 404)), strays)
        }
    }

    private func match(_ method: Endpoint.Method?, _ path: UnsafeBufferPointer<UInt8>) -> Router.Match {
        guard !mounts.isEmpty, let mount = mounts.match(path) else { return router.match(method, path) }
        if mount.replacesEndpoints { return .found(mount.route, parameters: []) }
        let match = router.match(method, path)
        if case .unknown = match { return .found(mount.route, parameters: []) }
        return match
    }

    /// Runs the handler. Every error ends here.
    func respond(to request: Request) async -> Outcome {
        var requester: Requester?
        do {
            let endpoint = request.route
            var token: String?
            if endpoint.access != .anyone {
                token = try AccessToken.read(request.head, request.query)
                if let token {
                    requester = try await authenticator.requester(
                        forToken: token, address: request.clientAddress, userAgent: request.head.userAgent)
                }
                if let requester, !endpoint.admitsExpiredAccounts {
                    try await authenticator.checkValidity(of: requester)
                }
                try Self.check(requester, endpoint.access)
            }
            let call = Call(request: request, requester: requester, accessToken: token)
            return Outcome(reply: try await endpoint.handler(call), requester: requester)
        } catch {
            return Outcome(reply: reply(to: error, of: request), requester: requester)
        }
    }

    private static func check(_ requester: Requester?, _ access: Access) throws(MatrixError) {
        switch access {
        case .anyone, .optional: break
        case .user(let guests):
            guard let requester else { throw AccessToken.missing() }
            guard guests || !requester.isGuest else {
                throw MatrixError(status: 403, code: .guestAccessForbidden, message: "Guest access not allowed")
            }
        case .admin:
            guard let requester else { throw AccessToken.missing() }
            guard requester.isAdmin else { throw .forbidden("You are not a server admin") }
        }
    }

    private func reply(to error: any Error, of request: Request) -> Reply {
        if let known = error as? any MatrixErrorConvertible {
            let answer = known.matrixError
            // A domain error that shows the client an internal error has its cause logged; a deliberate one speaks for itself.
            if answer.status == 500, !(error is MatrixError) { log(error, of: request) }
            return .error(answer)
        }
        if error is CancellationError || error is ClientHungUp {
            return .error(MatrixError(status: 503, code: .unknown, message: "Server is shutting down"))
        }
        log(error, of: request)
        return .error(.internalError)
    }

    /// Reports that an answer whose head was sent cannot be completed.
    func logBrokenOff(_ error: any Error, of request: Request) {
        logger.error(
            "Broke off the answer to \(request.head.methodName) \(request.head.redactedURI): \(String(reflecting: error))",
            metadata: ["request": "\(request.id)"])
    }

    private func log(_ error: any Error, of request: Request) {
        logger.error(
            "Failed to answer \(request.head.methodName) \(request.head.redactedURI): \(String(reflecting: error))",
            metadata: ["request": "\(request.id)"])
    }

    private static func unrecognized(status: Int) -> MatrixError {
        MatrixError(status: status, code: .unrecognized, message: "Unrecognized request")
    }

    /// The value of `Allow` for these methods.
    private static func list(_ methods: [Endpoint.Method]) -> String {
        var names = Endpoint.Method.allCases.filter(methods.contains).map(\.rawValue)
        if methods.contains(.get) { names.append("HEAD") }
        return (names + ["OPTIONS"]).joined(separator: ", ")
    }
}
