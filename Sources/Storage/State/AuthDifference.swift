import SQLEngine

/// The events that all of some states hold. There may be as many as the room has members, so they are looked up only as
/// far as they matter.
struct SharedEvents {
    /// Some that rest on much: they are looked at first.
    var anchors: [EventNumber] = []
    /// Those that are among the given events, and any that took the place of one of them.
    let amongOrAfter: ([EventNumber]) throws -> [EventNumber]
    /// All of them.
    let all: () throws -> [EventNumber]
}

/// The *auth difference*: what is in the auth chains of some states and not of others.
///
/// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#definitions).
extension RoomStores {
    /// The events that are in the auth chains of some of `sets`, or in some of them, and not in those of all.
    package func authDifference(of sets: [[EventNumber]]) throws -> Set<EventNumber> {
        guard let first = sets.first, sets.count > 1 else { return [] }
        let shared = sets.dropFirst().reduce(into: Set(first)) { $0.formIntersection($1) }
        return try authDifference(
            of: sets.map { set in set.filter { !shared.contains($0) } },
            beside: SharedEvents(amongOrAfter: { $0.filter(shared.contains) }, all: { Array(shared) }))
    }

    /// The same for sets that all hold the `shared` events, too.
    ///
    /// Costs about what the sets differ in: what the shared events reach counts only where it closes a gap between the
    /// others, so it is asked for there.
    /// - Parameter limit: How many events and links that rest on the difference to look at before it seems less work to
    ///   look at all shared events.
    func authDifference(
        of sets: [[EventNumber]], beside shared: SharedEvents, limit: Int = 1_000
    ) throws -> Set<EventNumber> {
        var gaps = AuthGaps(between: try sets.map(authReach))
        guard !gaps.isEmpty else { return [] }
        gaps.subtract(try authReach(of: shared.anchors))
        guard !gaps.isEmpty else { return [] }
        let candidates = try authEvents(in: gaps)
        gaps.subtract(try authReach(of: shared.amongOrAfter(candidates.map(\.event))))
        guard !gaps.isEmpty else { return [] }
        if let above = try events(restingOn: gaps, limit: limit) {
            gaps.subtract(try authReach(of: shared.amongOrAfter(above)))
        } else {
            gaps.subtract(try authReach(of: shared.all()))
        }
        return Set(candidates.lazy.filter { gaps.contains($0.place) }.map(\.event))
    }

    /// All events that reach into `gaps`; `nil` if they, or the links on the way, are more than `limit`.
    private func events(restingOn gaps: AuthGaps, limit: Int) throws -> [EventNumber]? {
        var bottoms = gaps.stretches.mapValues { $0.after + 1 }
        var lowered = bottoms.map { (chain: $0.key, from: $0.value, below: Int64.max) }
        var count = 0
        while let (chain, from, below) = lowered.popLast() {
            let sources = try transaction.all(
                """
                SELECT chain, sequence FROM auth_chain_links
                WHERE target_chain = $1 AND target_sequence >= $2 AND target_sequence < $3 LIMIT $4
                """, .integer(chain), .integer(from), .integer(below), .integer(Int64(limit - count) + 1)
            ) { AuthPlace(chain: $0.int(0), sequence: $0.int(1)) }
            count += sources.count
            guard count <= limit else { return nil }
            for source in sources {
                let bottom = bottoms[source.chain] ?? .max
                guard source.sequence < bottom else { continue }
                bottoms[source.chain] = source.sequence
                lowered.append((source.chain, source.sequence, bottom))
            }
        }
        var events: [EventNumber] = []
        for (chain, bottom) in bottoms {
            events += try transaction.all(
                "SELECT event FROM auth_chains WHERE chain = $1 AND sequence >= $2 LIMIT $3",
                .integer(chain), .integer(bottom), .integer(Int64(limit - events.count) + 1)
            ) { $0.int(0) }
            guard events.count <= limit else { return nil }
        }
        return events
    }
}
