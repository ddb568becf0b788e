/// A place in the tree of paths where somebody else answers: every method, at the path and below it.
///
/// Listeners serve it whatever resources they name. Of mounts that fit a path, the one with most segments gets it. Endpoints
/// come before the mounts above them; a mount at the very path of an endpoint takes its place. Below the places that answer
/// for all that is under them (``reservedPlaces``), nothing can be mounted; a mount at one of them replaces it as a whole.
package struct Mount: Sendable {
    /// What answers for everything below it.
    package static let reservedPlaces = [
        "/_matrix/client", "/_matrix/federation", "/_matrix/key", "/_matrix/media/r0", "/_matrix/media/v1",
        "/_matrix/media/v3", "/_synapse/admin", "/_axolemma",
    ]
    /// How many bytes a request's body may have unless the mount says otherwise.
    package static let defaultBodyLimit = 52_428_800

    /// Which paths are meant.
    package enum Extent: Sendable {
        case exactPath
        /// The path and all below it.
        case subtree
    }

    /// A path that begins with a slash; percent-encoded or not is the same.
    package let path: String
    package let extent: Extent
    package let bodyLimit: Int
    /// Answers a request, as that of an endpoint whose body is streamed (``Endpoint/streamingBody``).
    package let handler: Endpoint.Handler

    package init(
        _ path: String, _ extent: Extent = .subtree, bodyLimit: Int = defaultBodyLimit,
        _ handler: @escaping Endpoint.Handler
    ) {
        self.path = path
        self.extent = extent
        self.bodyLimit = bodyLimit
        self.handler = handler
    }
}
