import Logging

/// Finds the mount of a path.
struct MountTable: Sendable {
    struct Match: Sendable {
        let route: Route
        /// Whether an endpoint at the same path gives way.
        let replacesEndpoints: Bool
    }

    private struct Node {
        var children: [(segment: [UInt8], node: Int)] = []
        var route: Route?
        var extent = Mount.Extent.subtree
        /// Whether everything below is one place, answered for by the server itself unless a mount replaces it.
        var isReserved = false
    }

    private var nodes = [Node()]
    private(set) var isEmpty = true

    /// - Parameter logger: Told of mounts that nobody can reach.
    init(_ mounts: [Mount], metrics: HTTPMetrics, logger: Logger) {
        for mount in mounts { add(mount, metrics, logger) }
        // Only where a mount is at or above them do these places need to be told apart, so most paths end at the first node.
        for place in Mount.reservedPlaces {
            let segments = Self.segments(place)
            let mounted = mounts.map { Self.segments($0.path) }
            if mounted.contains(where: { segments.starts(with: $0) }) {
                nodes[self.node(at: segments)].isReserved = true
            }
        }
    }

    private mutating func add(_ mount: Mount, _ metrics: HTTPMetrics, _ logger: Logger) {
        guard mount.path.utf8.first == UInt8(ascii: "/") else {
            logger.warning("The web path \(mount.path) does not begin with a slash: it is not served")
            return
        }
        let segments = Self.segments(mount.path)
        if Mount.reservedPlaces.contains(where: { Self.isBelow(segments, Self.segments($0)) }) {
            logger.warning(
                "The web path \(mount.path) is below one that the server answers itself: nobody can reach it")
            return
        }
        let node = self.node(at: segments)
        guard nodes[node].route == nil else {
            logger.warning("The web path \(mount.path) is registered twice: the first registration is served")
            return
        }
        nodes[node].route = Route(mount: mount, metrics: metrics.mount(mount))
        nodes[node].extent = mount.extent
        isEmpty = false
    }

    private static func segments(_ path: String) -> [[UInt8]] {
        path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Percent.decode($0) }
    }

    private static func isBelow(_ segments: [[UInt8]], _ place: [[UInt8]]) -> Bool {
        segments.count > place.count && segments.starts(with: place)
    }

    private mutating func node(at segments: [[UInt8]]) -> Int {
        var node = 0
        for segment in segments {
            if let child = nodes[node].children.first(where: { $0.segment == segment }) {
                node = child.node
            } else {
                nodes.append(Node())
                nodes[node].children.append((segment, nodes.count - 1))
                node = nodes.count - 1
            }
        }
        return node
    }

    /// Finds the mount that a path belongs to.
    /// - Parameter path: Begins with a slash and has no query.
    func match(_ path: UnsafeBufferPointer<UInt8>) -> Match? {
        guard !isEmpty, path.first == UInt8(ascii: "/") else { return nil }
        var found: Match?
        var node = 0
        var start = 1
        while start <= path.count {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
            guard let child = child(of: node, path[start..<end]) else { break }
            node = child
            let isWhole = end == path.count
            let (route, extent, isReserved) = (nodes[node].route, nodes[node].extent, nodes[node].isReserved)
            if let route, isWhole || extent == .subtree {
                found = Match(route: route, replacesEndpoints: isWhole || isReserved)
            } else if isReserved {
                // The server itself answers for this place, whatever is mounted above.
                found = nil
            }
            // Nothing is mounted below a reserved place.
            if isReserved { break }
            start = end + 1
        }
        return found
    }

    private func child(of node: Int, _ segment: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        let children = nodes[node].children
        guard segment.contains(UInt8(ascii: "%")) else {
            return children.first { $0.segment.elementsEqual(segment) }?.node
        }
        let decoded = Percent.decode(segment)
        return children.first { $0.segment == decoded }?.node
    }
}
