/// A place in the server's tree of paths where a module answers.
///
/// ```swift
/// context.register(
///     WebResource("/_synapse/client/demo/hello") { request in
///         guard request.method == "GET" else { return .methodNotAllowed(["GET"]) }
///         return .json(["hello": .string(request.query("name") ?? "world")])
///     })
/// ```
///
/// Every listener serves it, whatever resources it names, and the module answers every method but OPTIONS, which the server
/// answers for browsers on any path. Of resources that fit a path, the one with most segments gets the request. A resource at
/// the very path of a page of the server's own takes its place. Free for modules are `/_synapse/client/<name>` (recommended),
/// `/_synapse/<name>`, unused places below `/_matrix`, and everything else; what lies below `/_matrix/client`,
/// `/_matrix/federation`, `/_matrix/key`, `/_matrix/media/{r0,v1,v3}`, `/_synapse/admin` and `/_axolemma` is never reached.
///
/// The first of two registrations of one path stands; the other is reported in the log.
public struct WebResource: Sendable {
    /// Answers a request.
    ///
    /// It runs in a task that is cancelled when the client hangs up. An error that is a `MatrixError` becomes that answer; any
    /// other is logged and shows the client 500 `M_UNKNOWN`.
    public typealias Handler = @Sendable (WebRequest) async throws -> WebResponse

    /// Which requests are meant.
    public enum Extent: Hashable, Sendable {
        case exactPath
        /// The path and all below it.
        case subtree
    }

    /// From the root, as `/_synapse/client/demo/hello`.
    public var path: String
    public var extent: Extent
    /// How many bytes a request's body may have; more is refused with 413 `M_TOO_LARGE`.
    public var bodyLimit: Int
    public var handler: Handler

    /// - Parameter path: From the root, beginning with a slash.
    public init(
        _ path: String, _ extent: Extent = .subtree, bodyLimit: Int = 52_428_800, _ handler: @escaping Handler
    ) {
        self.path = path
        self.extent = extent
        self.bodyLimit = bodyLimit
        self.handler = handler
    }
}
