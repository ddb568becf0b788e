/// The *reverse topological power ordering* of a set of events: no event before one it rests on, and where that leaves
/// a choice, the event of the most powerful sender first.
///
/// Spec: [v2](https://spec.matrix.org/v1.19/rooms/v2/#definitions).
struct PowerOrdering {
    /// An event to be sorted.
    struct Member {
        let event: Event
        /// The sender's power level by the event's own `auth_events`.
        let senderLevel: Int64

        /// Whether this one goes first where the graph leaves the choice.
        func precedes(_ other: Member) -> Bool {
            if senderLevel != other.senderLevel { return senderLevel > other.senderLevel }
            if event.originServerTS != other.event.originServerTS {
                return event.originServerTS < other.event.originServerTS
            }
            return event.eventID < other.event.eventID
        }
    }

    /// By rank: the better choice first.
    private let members: [Member]
    /// By rank, the ranks of the events that have this one among their `auth_events`.
    private var citing: [[Int]]
    /// By rank, how many of the event's `auth_events` have yet to be placed.
    private var waitingFor: [Int]

    /// - Parameter indices: Where in `members` each event is.
    init(_ members: [Member], indices: [EventID: Int]) {
        let order = members.indices.sorted { members[$0].precedes(members[$1]) }
        var rank = [Int](repeating: 0, count: members.count)
        for (position, index) in order.enumerated() { rank[index] = position }
        self.members = order.map { members[$0] }
        citing = Array(repeating: [], count: members.count)
        waitingFor = Array(repeating: 0, count: members.count)
        for (position, member) in self.members.enumerated() {
            for id in Set(member.event.authEvents) {
                guard let index = indices[id] else { continue }
                citing[rank[index]].append(position)
                waitingFor[position] += 1
            }
        }
    }

    /// Kahn's algorithm. Events that rest on themselves, which event IDs that are no hashes allow, are left out.
    func sorted() -> [Event] {
        var waitingFor = waitingFor
        var candidates = MinimumHeap()
        for rank in members.indices where waitingFor[rank] == 0 { candidates.insert(rank) }
        var sorted: [Event] = []
        sorted.reserveCapacity(members.count)
        while let rank = candidates.removeMinimum() {
            sorted.append(members[rank].event)
            for above in citing[rank] {
                waitingFor[above] -= 1
                if waitingFor[above] == 0 { candidates.insert(above) }
            }
        }
        return sorted
    }
}

/// Numbers of which the least is taken first.
private struct MinimumHeap {
    private var numbers: [Int] = []

    mutating func insert(_ number: Int) {
        numbers.append(number)
        var index = numbers.count - 1
        while index > 0, numbers[index] < numbers[(index - 1) / 2] {
            numbers.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func removeMinimum() -> Int? {
        guard let minimum = numbers.first, let last = numbers.popLast() else { return nil }
        guard !numbers.isEmpty else { return minimum }
        numbers[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < numbers.count && numbers[child] < numbers[least] {
                least = child
            }
            if least == index { return minimum }
            numbers.swapAt(index, least)
            index = least
        }
    }
}
