package import MatrixCore

/// One thing clients can ask for: method, path, who may ask, how much they may send, and what answers.
///
/// The path is written as the specification prints it. `{name}` stands for one segment, read with ``Call/path(_:)``.
package struct Endpoint: Sendable {
    /// Answers one request.
    ///
    /// It runs in a task of its own, on the event loop of its connection (so it must not block a thread), and is
    /// cancelled the moment the client hangs up. Work of many milliseconds belongs elsewhere:
    /// `withTaskExecutorPreference(globalConcurrentExecutor) { … }`.
    ///
    /// An error that is ``MatrixCore/MatrixErrorConvertible`` becomes that answer; any other is logged once, with the
    /// request's ID, and shows the client 500 `M_UNKNOWN`.
    package typealias Handler = @Sendable (Call) async throws -> Reply

    package enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    /// How a handler gets a request's body.
    package enum BodyDelivery: Sendable {
        /// Whole, in ``Call/body``, before it is called.
        case whole
        /// As ``Call/bodyStream``, while it arrives.
        case stream
    }

    /// How many bytes a request's body may have unless the endpoint says otherwise.
    package static let defaultBodyLimit = 262_144

    package let method: Method
    /// The path as the specification prints it.
    package let path: String
    package let access: Access
    /// Further places of this endpoint: a version such as `r0`, which stands in for the one in ``path``, or a whole path.
    package let aliases: [String]
    /// How many bytes the body may have; more is refused with 413 `M_TOO_LARGE`.
    package let bodyLimit: Int
    /// The part of the server this belongs to; a listener serves only the parts it names.
    package let resource: Resource
    package let handler: Handler
    package private(set) var bodyDelivery = BodyDelivery.whole
    /// Whether users may call it whose account has expired.
    package private(set) var admitsExpiredAccounts = false

    /// - Parameter resource: The part of the server this belongs to; `nil` takes it from the path.
    package init(
        _ method: Method, _ path: String, _ access: Access, aliases: [String] = [],
        bodyLimit: Int = defaultBodyLimit, resource: Resource? = nil, _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.aliases = aliases
        self.bodyLimit = bodyLimit
        self.resource = resource ?? Resource(path: path)
        self.handler = handler
    }

    /// This endpoint, with a handler that reads the body from ``Call/bodyStream`` while it arrives.
    package var streamingBody: Endpoint {
        var endpoint = self
        endpoint.bodyDelivery = .stream
        return endpoint
    }

    /// This endpoint, open to users whose account has expired, too.
    package var admittingExpiredAccounts: Endpoint {
        var endpoint = self
        endpoint.admitsExpiredAccounts = true
        return endpoint
    }

    /// Every path this answers at, ``path`` first.
    package var paths: [String] { [path] + aliases.map(aliasPath) }

    /// An alias as a whole path: `r0` for `/_matrix/client/v3/sync` is `/_matrix/client/r0/sync`.
    private func aliasPath(_ alias: String) -> String {
        guard alias.utf8.first != UInt8(ascii: "/") else { return alias }
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)
        precondition(segments.count > 3, "\(path) has no version that the alias \(alias) could stand in for")
        segments[3] = alias[...]
        return segments.joined(separator: "/")
    }
}

extension Endpoint {
    /// Answers GET, and HEAD with the same headers and no body.
    package static func get(
        _ path: String, _ access: Access, aliases: [String] = [], bodyLimit: Int = defaultBodyLimit,
        resource: Resource? = nil, _ handler: @escaping Handler
    ) -> Endpoint {
        Endpoint(.get, path, access, aliases: aliases, bodyLimit: bodyLimit, resource: resource, handler)
    }

    package static func put(
        _ path: String, _ access: Access, aliases: [String] = [], bodyLimit: Int = defaultBodyLimit,
        resource: Resource? = nil, _ handler: @escaping Handler
    ) -> Endpoint {
        Endpoint(.put, path, access, aliases: aliases, bodyLimit: bodyLimit, resource: resource, handler)
    }

    package static func post(
        _ path: String, _ access: Access, aliases: [String] = [], bodyLimit: Int = defaultBodyLimit,
        resource: Resource? = nil, _ handler: @escaping Handler
    ) -> Endpoint {
        Endpoint(.post, path, access, aliases: aliases, bodyLimit: bodyLimit, resource: resource, handler)
    }

    package static func delete(
        _ path: String, _ access: Access, aliases: [String] = [], bodyLimit: Int = defaultBodyLimit,
        resource: Resource? = nil, _ handler: @escaping Handler
    ) -> Endpoint {
        Endpoint(.delete, path, access, aliases: aliases, bodyLimit: bodyLimit, resource: resource, handler)
    }
}

/// The endpoints of one file of the specification.
package protocol EndpointGroup: Sendable {
    var endpoints: [Endpoint] { get }
}

/// Who may call an endpoint.
package enum Access: Hashable, Sendable {
    /// Anybody; an access token is not looked at.
    case anyone
    /// Anybody; an access token is honored if there is one, and refused if it is wrong.
    case optional
    /// Users with an access token; `guests` says whether guests are among them.
    case user(guests: Bool)
    /// Users who administer this server.
    case admin
}

/// Knows whom an access token stands for.
package protocol Authenticator: Sendable {
    /// Whom `token` stands for.
    /// - Parameters:
    ///   - address: The client's address, for the device's "last seen".
    ///   - userAgent: The client's own name for itself, if it gave one.
    /// - Throws: ``MatrixCore/MatrixError`` 401 `M_UNKNOWN_TOKEN` if it stands for nobody.
    func requester(forToken token: String, address: String, userAgent: String?) async throws -> Requester

    /// Refuses somebody whose account has expired; not asked where ``Endpoint/admitsExpiredAccounts``.
    func checkValidity(of requester: Requester) async throws
}

extension Authenticator {
    package func checkValidity(of requester: Requester) async throws {}
}
