import SQLEngine

/// The chain cover of the auth graph: which events a state event rests on, without walking from event to event.
///
/// Events stand on chains, each event on top of one it rests on. Where an event rests on one of another chain, a link
/// leads there, unless other links do so already. What a set of events reaches is then one sequence per chain.
extension RoomStores {
    /// Gives a state event its place. Called once for each, after its auth events got theirs.
    ///
    /// - Parameters:
    ///   - authEvents: Its `auth_events`, as far as they are known.
    ///   - replaced: The state event that it replaces. If that is one of `authEvents`, the event goes on with its chain: so
    ///     chains are few and long, and a look-up passes from few to few.
    package func addToAuthChains(
        _ event: EventNumber, authEvents: [EventNumber], replacing replaced: EventNumber? = nil
    ) throws {
        try loadPlacesAndLinks(of: authEvents)
        var tops: [Int64: Int64] = [:]
        for place in authEvents.compactMap({ graph.places[$0] }) {
            tops[place.chain] = max(tops[place.chain] ?? 0, place.sequence)
        }
        var predecessor = authEvents.count == 1 ? authEvents.first : nil
        if let replaced, authEvents.contains(replaced) { predecessor = replaced }
        let place = try insert(event, above: predecessor.flatMap { graph.places[$0] })
        var cited = tops.map { AuthPlace(chain: $0.key, sequence: $0.value) }
        if cited.count > 1 {
            // Leave out what the others reach.
            for candidate in cited {
                let others = cited.filter { $0 != candidate }
                let reach = try graph.reach(from: others) { _ in }
                if reach.contains(candidate) { cited = others }
            }
        }
        try link(place, to: cited.filter { $0.chain != place.chain })
    }

    /// Puts the event on top of a chain, or where there is no room on a new one.
    private func insert(_ event: EventNumber, above base: AuthPlace?) throws -> AuthPlace {
        if let base {
            let place = AuthPlace(chain: base.chain, sequence: base.sequence + 1)
            if try insert(event, at: place) { return place }
        }
        let place = AuthPlace(chain: event, sequence: 1)
        guard try insert(event, at: place) else { throw StorageError.damaged("auth chain \(event) is there already") }
        graph.links[event] = []
        return place
    }

    private func insert(_ event: EventNumber, at place: AuthPlace) throws -> Bool {
        let inserted = try transaction.execute(
            """
            INSERT INTO auth_chains (event, chain, sequence) VALUES ($1, $2, $3) ON CONFLICT (chain, sequence) DO NOTHING
            """, .integer(event), .integer(place.chain), .integer(place.sequence))
        if inserted > 0 { graph.places[event] = place }
        return inserted > 0
    }

    private func link(_ place: AuthPlace, to targets: [AuthPlace]) throws {
        guard !targets.isEmpty else { return }
        var values: [SQLValue] = [.integer(place.chain), .integer(place.sequence)]
        var rows: [String] = []
        for target in targets {
            values += [.integer(target.chain), .integer(target.sequence)]
            rows.append("($1, $2, $\(values.count - 1), $\(values.count))")
            graph.links[place.chain]?.insert(AuthLink(sequence: place.sequence, target: target))
        }
        try transaction.execute(
            """
            INSERT INTO auth_chain_links (chain, sequence, target_chain, target_sequence)
            VALUES \(rows.joined(separator: ", "))
            """, values: values)
    }

    /// Reads where `events` stand and what links start on their chains, as far as this transaction does not know it.
    private func loadPlacesAndLinks(of events: [EventNumber]) throws {
        let missing = events.filter { graph.places[$0] == nil }
        guard !missing.isEmpty else { return }
        try transaction.forEach(
            """
            SELECT a.event, a.chain, a.sequence, l.sequence, l.target_chain, l.target_sequence
            FROM auth_chains a LEFT JOIN auth_chain_links l ON l.chain = a.chain
            WHERE a.event \(transaction.among(1, .integers))
            """, .integers(missing)
        ) { row in
            let chain = row.int(1)
            graph.places[row.int(0)] = AuthPlace(chain: chain, sequence: row.int(2))
            if let sequence = row.optionalInt(3) {
                let target = AuthPlace(chain: row.int(4), sequence: row.int(5))
                graph.links[chain, default: []].insert(AuthLink(sequence: sequence, target: target))
            } else if graph.links[chain] == nil {
                graph.links[chain] = []
            }
            return true
        }
    }

    // MARK: Reading

    /// Where `events` stand.
    func authPlaces(of events: [EventNumber]) throws -> [AuthPlace] {
        let missing = events.filter { graph.places[$0] == nil }
        if !missing.isEmpty {
            try transaction.forEach(
                "SELECT event, chain, sequence FROM auth_chains WHERE event \(transaction.among(1, .integers))",
                .integers(missing)
            ) { row in
                graph.places[row.int(0)] = AuthPlace(chain: row.int(1), sequence: row.int(2))
                return true
            }
        }
        return try events.map { event in
            guard let place = graph.places[event] else {
                throw StorageError.damaged("state event \(event) is on no auth chain")
            }
            return place
        }
    }

    /// Everything that is in the auth chains of `events`, these included.
    func authReach(of events: [EventNumber]) throws -> AuthReach {
        try graph.reach(from: authPlaces(of: events), loading: loadLinks)
    }

    private func loadLinks(of chains: Set<Int64>) throws {
        let missing = chains.filter { graph.links[$0] == nil }
        guard !missing.isEmpty else { return }
        for chain in missing { graph.links[chain] = [] }
        try transaction.forEach(
            """
            SELECT chain, sequence, target_chain, target_sequence FROM auth_chain_links
            WHERE chain \(transaction.among(1, .integers))
            """, .integers(Array(missing))
        ) { row in
            let target = AuthPlace(chain: row.int(2), sequence: row.int(3))
            graph.links[row.int(0)]?.insert(AuthLink(sequence: row.int(1), target: target))
            return true
        }
    }

    /// The events on these stretches of chains, with their places.
    func authEvents(in gaps: AuthGaps) throws -> [(event: EventNumber, place: AuthPlace)] {
        var events: [(EventNumber, AuthPlace)] = []
        for (chain, stretch) in gaps.stretches {
            events += try transaction.all(
                "SELECT event, sequence FROM auth_chains WHERE chain = $1 AND sequence > $2 AND sequence <= $3",
                .integer(chain), .integer(stretch.after), .integer(stretch.upTo)
            ) { ($0.int(0), AuthPlace(chain: chain, sequence: $0.int(1))) }
        }
        return events
    }

    /// The events on any path from one of `events` to another, ends included.
    ///
    /// Spec: [v12](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution), *conflicted state subgraph*.
    func authSubgraph(of events: [EventNumber]) throws -> [EventNumber] {
        let places = try authPlaces(of: events)
        let reach = try graph.reach(from: places, loading: loadLinks)
        // All paths run within what is reached; so go back up there.
        var above: [Int64: [(target: Int64, source: AuthPlace)]] = [:]
        for (chain, top) in reach.tops {
            for link in graph.links[chain] ?? [] where link.sequence <= top {
                above[link.target.chain, default: []].append(
                    (link.target.sequence, AuthPlace(chain: chain, sequence: link.sequence)))
            }
        }
        var bottoms: [Int64: Int64] = [:]
        for place in places { bottoms[place.chain] = min(bottoms[place.chain] ?? .max, place.sequence) }
        var lowered = Array(bottoms.keys)
        while let chain = lowered.popLast() {
            guard let bottom = bottoms[chain] else { continue }
            for (target, source) in above[chain] ?? []
            where target >= bottom && source.sequence < bottoms[source.chain] ?? .max {
                bottoms[source.chain] = source.sequence
                lowered.append(source.chain)
            }
        }
        return try authEvents(in: AuthGaps(from: bottoms, to: reach)).map(\.event)
    }
}
