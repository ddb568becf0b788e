import MatrixCore
import Storage

/// Collects the events of a timeline that a filter and the history visibility let pass.
///
/// Looks at a bounded number of events, so that a filter which drops nearly all of them costs no more than a page: it
/// then gives fewer events than asked for, and the place to go on from.
struct TimelineScan {
    private let direction: TimelineDirection
    private let limit: Int
    private let filter: EventFilter
    /// What is left to look at: above `lower`, up to and with `upper`.
    private(set) var lower: StreamPosition
    private(set) var upper: StreamPosition
    /// What passed, in the order of reading.
    private(set) var found: [StoredEvent] = []
    /// Whether there may be more beyond what was looked at.
    private(set) var hasMore = true
    /// The place it began at.
    let start: StreamToken

    /// How many events to look at, at most.
    private static let maximumLooked = 2_000

    init(_ request: TimelineRequest, _ access: RoomAccess) {
        let from =
            switch request.direction {
            case .backwards: min(request.from?.events ?? access.latest, access.end)
            case .forwards: request.from?.events ?? 0
            }
        self.init(
            request.direction, from: from, end: access.end, to: request.to?.events, limit: request.limit,
            filter: request.filter)
    }

    init(
        _ direction: TimelineDirection, from: StreamPosition, end: StreamPosition, to: StreamPosition? = nil,
        limit: Int, filter: EventFilter
    ) {
        self.direction = direction
        self.limit = limit
        self.filter = filter
        start = StreamToken(events: from)
        switch direction {
        case .backwards: (lower, upper) = (to ?? .min, from)
        case .forwards: (lower, upper) = (from, min(to ?? end, end))
        }
    }

    /// The place to go on from.
    /// - Parameter token: The client's token, whose places in other streams are kept.
    func next(after token: StreamToken?) -> StreamToken {
        var next = token ?? start
        next.events = direction == .backwards ? upper : lower
        return next
    }

    /// Looks for events until there are enough, no more, or too many that do not pass.
    /// - Parameter load: Reads entries between ``lower`` and ``upper``, at most so many.
    mutating func run(
        in reading: RoomReading, _ visibility: inout Visibility,
        _ load: (TimelineScan, Int) throws -> [RoomStores.TimelineEntry]
    ) throws {
        var looked = 0
        while looked < Self.maximumLooked {
            // One more than wanted shows whether there is more.
            let wanted = max(limit - found.count + 1, looked == 0 ? 0 : 100)
            let entries = try load(self, wanted)
            for event in try reading.stores.events(entries.map(\.number)) {
                if found.count == limit { return }
                guard let stream = event.stream else { continue }
                if direction == .backwards { upper = stream - 1 } else { lower = stream }
                if try filter.admits(event, in: reading.stores), try visibility.admits(event) { found.append(event) }
            }
            if entries.count < wanted {
                hasMore = false
                return
            }
            looked += entries.count
        }
    }
}
