import MatrixCore

/// Where a state event stands in the chain cover of the auth graph.
struct AuthPlace: Hashable, Sendable {
    /// The number of the chain's first event.
    let chain: Int64
    /// From 1, which is the chain's oldest event.
    let sequence: Int64
}

/// A step from a chain to another: the event at `sequence`, and those above it, rest on the event at `target`.
struct AuthLink: Hashable, Sendable {
    let sequence: Int64
    let target: AuthPlace
}

/// A set of events that holds, with each, all that it rests on: of every chain the events up to some sequence.
struct AuthReach {
    private(set) var tops: [Int64: Int64] = [:]

    /// The sequence up to which events of `chain` are in the set; 0 if none are.
    subscript(chain: Int64) -> Int64 { tops[chain] ?? 0 }
    func contains(_ place: AuthPlace) -> Bool { self[place.chain] >= place.sequence }

    /// Takes in the events of a chain up to `place`; false if they were in already.
    mutating func insert(_ place: AuthPlace) -> Bool {
        guard !contains(place) else { return false }
        tops[place.chain] = place.sequence
        return true
    }
}

/// Stretches of chains.
struct AuthGaps {
    /// Of each chain, the events above `after` up to `upTo`.
    private(set) var stretches: [Int64: (after: Int64, upTo: Int64)] = [:]
    var isEmpty: Bool { stretches.isEmpty }

    /// The stretches from the lowest sequence to the highest one of each chain.
    init(from bottoms: [Int64: Int64], to reach: AuthReach) {
        for (chain, bottom) in bottoms where bottom <= reach[chain] { stretches[chain] = (bottom - 1, reach[chain]) }
    }

    /// What some of `reaches` hold and others don't.
    init(between reaches: [AuthReach]) {
        var occurrences: [Int64: (count: Int, lowest: Int64, highest: Int64)] = [:]
        for reach in reaches {
            for (chain, top) in reach.tops {
                let known = occurrences[chain] ?? (0, .max, 0)
                occurrences[chain] = (known.count + 1, min(known.lowest, top), max(known.highest, top))
            }
        }
        for (chain, found) in occurrences {
            let common = found.count == reaches.count ? found.lowest : 0
            if common < found.highest { stretches[chain] = (common, found.highest) }
        }
    }

    mutating func subtract(_ reach: AuthReach) {
        for (chain, stretch) in stretches where reach[chain] > stretch.after {
            stretches[chain] = reach[chain] < stretch.upTo ? (reach[chain], stretch.upTo) : nil
        }
    }

    func contains(_ place: AuthPlace) -> Bool {
        guard let stretch = stretches[place.chain] else { return false }
        return place.sequence > stretch.after && place.sequence <= stretch.upTo
    }
}

/// What a transaction has written of rooms' graphs, and what it has read of the chain cover.
final class GraphMemo {
    /// The events written.
    var numbers: [EventID: EventNumber] = [:]
    var places: [EventNumber: AuthPlace] = [:]
    /// All links that start on a chain.
    var links: [Int64: Set<AuthLink>] = [:]

    /// Everything that is reached from `places`, these included.
    /// - Parameter load: Makes sure that the links of these chains are in the memo, unless they are to be left out.
    func reach(from places: [AuthPlace], loading load: (Set<Int64>) throws -> Void) throws -> AuthReach {
        var reach = AuthReach()
        var raised: Set<Int64> = []
        for place in places where reach.insert(place) { raised.insert(place.chain) }
        while !raised.isEmpty {
            try load(raised)
            let chains = raised
            raised = []
            for chain in chains {
                for link in links[chain] ?? [] where link.sequence <= reach[chain] && reach.insert(link.target) {
                    raised.insert(link.target.chain)
                }
            }
        }
        return reach
    }
}
