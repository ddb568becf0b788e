import Storage
import Synchronization

/// Which of a room's last events the drafts that are under way follow.
///
/// Drafts that are looked at together would all follow the same last events, and each become a last event itself: there
/// would be more and more of these, faster than later events can name them. Therefore each draft takes some for itself as
/// long as there are any.
final class DraftClaims: Sendable {
    /// What a draft took.
    struct Claim: Sendable {
        /// The room as the draft is to see it, with the events alone that it follows.
        let position: RoomPosition
        fileprivate let taken: [EventNumber]
    }

    private let taken = Mutex<[RoomNumber: Set<EventNumber>]>([:])

    /// Takes last events for a draft at `position`. To be given back with ``release(_:in:)``.
    func claim(_ position: RoomPosition) -> Claim {
        // Where they do not agree on the state, a draft follows all that an event may name.
        guard position.extremities.allSatisfy({ $0.state == position.state }) else {
            return Claim(position: position, taken: [])
        }
        var own = position
        let claimed = taken.withLock { taken in
            let others = taken[position.room.number] ?? []
            let free = position.extremities.filter { !others.contains($0.number) }.sorted { $0.number < $1.number }
            own.extremities = Array(free.prefix(EventComposer.maximumPrevEvents))
            let numbers = own.extremities.map(\.number)
            taken[position.room.number] = others.union(numbers)
            return numbers
        }
        if claimed.isEmpty, let newest = position.extremities.max(by: { $0.number < $1.number }) {
            own.extremities = [newest]
        }
        return Claim(position: own, taken: claimed)
    }

    /// The draft has become an event, or never will.
    func release(_ claim: Claim, in room: RoomHandle) {
        guard !claim.taken.isEmpty else { return }
        taken.withLock { taken in
            taken[room.number]?.subtract(claim.taken)
            if taken[room.number]?.isEmpty == true { taken[room.number] = nil }
        }
    }
}
