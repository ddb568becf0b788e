import MatrixCore

extension TestRoom {
    /// The resolution of some states, by the function that takes whole states.
    func resolve(_ states: State..., rejected: Set<EventID> = []) throws -> State {
        try resolve(states, rejected: rejected)
    }

    func resolve(_ states: [State], rejected: Set<EventID> = []) throws -> State {
        try resolveState(
            states, version: version, event: { self.events[$0] }, isRejected: { rejected.contains($0) },
            authChain: authChain)
    }

    /// All events that are reached from `ids` by way of `auth_events`.
    func authChain(of ids: Set<EventID>) -> Set<EventID> {
        var chain: Set<EventID> = []
        var pending = Array(ids)
        while let id = pending.popLast() {
            for authEvent in events[id]?.authEvents ?? [] where chain.insert(authEvent).inserted {
                pending.append(authEvent)
            }
        }
        return chain
    }

    /// A room like ``start(joinRule:powerLevels:)`` that some users have joined.
    func start(joined users: [UserID], levels: [UserID: Int64] = [:]) -> State {
        var state = start()
        for user in users { state = state.with(addMember("join-\(user.localpart)", user, .join, on: state)) }
        guard !levels.isEmpty else { return state }
        return state.with(addPowerLevels("levels1", levels.merging([alice: 100]) { own, _ in own }, on: state))
    }
}

/// A reproducible source of chance (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
