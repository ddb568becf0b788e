/// Finds the endpoint of a path.
///
/// A path is its segments: what stands between slashes, empty ones included, each percent-decoded once. A segment of
/// a template is either literal or `{name}`, which takes any one segment. Where both fit, the literal one is tried first.
struct Router: Sendable {
    enum Match: Sendable {
        /// The route, and where in the path its parameters stand.
        case found(Route, parameters: [Range<Int>])
        /// The path is known, but not with this method; with those.
        case wrongMethod(allowed: [Endpoint.Method])
        case unknown
    }

    private struct Node {
        /// A literal segment that may follow, with a hash of its bytes that rules out most others at once.
        struct Literal {
            let hash: UInt32
            let bytes: [UInt8]
            let node: Int
        }

        var literals: [Literal] = []
        var parameter: Int?
        var routes: [Route] = []
    }

    private var nodes = [Node()]

    /// Adds a route.
    /// - Precondition: No route has this method and these segments yet.
    mutating func add(_ route: Route) {
        var node = 0
        for segment in route.template.segments {
            switch segment {
            case .literal(let bytes):
                let hash = Self.hash(bytes)
                if let known = nodes[node].literals.first(where: { $0.hash == hash && $0.bytes == bytes }) {
                    node = known.node
                } else {
                    nodes.append(Node())
                    nodes[node].literals.append(.init(hash: hash, bytes: bytes, node: nodes.count - 1))
                    node = nodes.count - 1
                }
            case .parameter:
                if let known = nodes[node].parameter {
                    node = known
                } else {
                    nodes.append(Node())
                    nodes[node].parameter = nodes.count - 1
                    node = nodes.count - 1
                }
            }
        }
        precondition(
            !nodes[node].routes.contains { $0.method == route.method },
            "\(route.method?.rawValue ?? "") \(route.template.text) is registered twice")
        nodes[node].routes.append(route)
    }

    /// Finds the route for a path that begins with a slash and has no query.
    func match(_ method: Endpoint.Method?, _ path: UnsafeBufferPointer<UInt8>) -> Match {
        guard path.first == UInt8(ascii: "/") else { return .unknown }
        var search = Search(method: method)
        if let route = find(from: 0, at: 1, in: path, &search) {
            return .found(route, parameters: search.parameters)
        }
        return search.allowed.isEmpty ? .unknown : .wrongMethod(allowed: search.allowed)
    }

    private struct Search {
        let method: Endpoint.Method?
        var parameters: [Range<Int>] = []
        var allowed: [Endpoint.Method] = []
    }

    /// Goes on at `node` with the segment that begins at `start`. Each node is visited once at most, as they form a tree.
    private func find(
        from node: Int, at start: Int, in path: UnsafeBufferPointer<UInt8>, _ search: inout Search
    ) -> Route? {
        guard start <= path.count else {
            let routes = nodes[node].routes
            if let route = routes.first(where: { $0.method == search.method }) { return route }
            search.allowed += routes.compactMap(\.method)
            return nil
        }
        var end = start
        var hash = Self.emptyHash
        var isEncoded = false
        while end < path.count, path[end] != UInt8(ascii: "/") {
            hash = Self.hash(hash, path[end])
            isEncoded = isEncoded || path[end] == UInt8(ascii: "%")
            end += 1
        }
        let segment = UnsafeBufferPointer(rebasing: path[start..<end])
        let literal =
            isEncoded
            ? Percent.decode(segment).withUnsafeBufferPointer { child(of: node, Self.hash($0), $0) }
            : child(of: node, hash, segment)
        if let literal, let route = find(from: literal, at: end + 1, in: path, &search) { return route }
        if let parameter = nodes[node].parameter {
            search.parameters.append(start..<end)
            if let route = find(from: parameter, at: end + 1, in: path, &search) { return route }
            search.parameters.removeLast()
        }
        return nil
    }

    private func child(of node: Int, _ hash: UInt32, _ segment: UnsafeBufferPointer<UInt8>) -> Int? {
        for literal in nodes[node].literals where literal.hash == hash && literal.bytes.elementsEqual(segment) {
            return literal.node
        }
        return nil
    }

    // FNV-1a. Collisions only cost a comparison, so nobody gains by making them.
    private static let emptyHash: UInt32 = 2_166_136_261
    private static func hash(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 16_777_619 }
    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 { bytes.reduce(emptyHash) { hash($0, $1) } }
}
