package import MatrixCore
package import SQLEngine
package import Storage

/// What a client asks of `/sync`.
package struct SyncRequest: Sendable {
    package var filter: SyncFilter
    package var since: StreamToken?
    package var fullState: Bool
    /// Whether `state_after` is wanted in the place of `state`.
    package var usesStateAfter: Bool
    /// How long to wait for news.
    package var timeout: Duration

    package init(
        filter: SyncFilter = .standard, since: StreamToken? = nil, fullState: Bool = false,
        usesStateAfter: Bool = false, timeout: Duration = .zero
    ) {
        self.filter = filter
        self.since = since
        self.fullState = fullState
        self.usesStateAfter = usesStateAfter
        self.timeout = timeout
    }
}

/// Answers `/sync`.
///
/// Spec: Client-Server API, [Syncing](https://spec.matrix.org/v1.19/client-server-api/#syncing).
package final class SyncService: Sendable {
    private let database: any Database
    private let caches: StorageCaches
    private let stream: EventStream
    private let timeouts: TimeoutWheel
    private let time: TimeSource
    private let members = LazyMembers()
    /// At most so many events in one room's timeline (`filter_timeline_limit`).
    private let timelineLimit: Int
    private let settings: RoomSettings
    private let moduleFields: ModuleFields

    /// How many events of a room's timeline a client gets that does not say.
    private static let standardTimelineLimit = 10

    package init(
        database: any Database, caches: StorageCaches, stream: EventStream, timeouts: TimeoutWheel, time: TimeSource,
        settings: RoomSettings, modules: ModuleRegistry, timelineLimit: Int = 100
    ) {
        self.settings = settings
        moduleFields = ModuleFields(modules: modules, database: database, caches: caches)
        self.database = database
        self.caches = caches
        self.stream = stream
        self.timeouts = timeouts
        self.time = time
        self.timelineLimit = timelineLimit
    }

    /// What is new for the requester, as JSON; waits for something if the request says so.
    package func sync(_ request: SyncRequest, by requester: Requester) async throws -> [UInt8] {
        var rooms = try await stream.rooms(of: requester.user)
        let viewer = EventViewer(requester)
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: request.timeout)
        while true {
            // Taken before looking, so that what comes in while looking is not slept through.
            let seen = rooms.wakeUps
            if rooms.isRetired {
                rooms = try await stream.rooms(of: requester.user)
                continue
            }
            let left = clock.now.duration(to: end)
            let mayWait = request.since != nil && !request.fullState && left > .zero
            // Most polls begin with nothing to tell.
            let isCurrent =
                request.since.map { $0.events >= stream.position && $0.accountData >= rooms.accountData } ?? false
            if !mayWait || !isCurrent {
                let answer = try await answer(request, viewer, rooms)
                // An answer out of what is not kept up to date any more may pass something over.
                if rooms.isRetired { continue }
                if answer.hasNews || !mayWait { return answer.body }
            }
            let timeout = timeouts.schedule(after: left) { [rooms] in rooms.wake() }
            await rooms.wait(beyond: seen)
            timeouts.cancel(timeout)
            // A client that hung up must stop costing anything.
            try Task.checkCancellation()
        }
    }

    private func answer(
        _ request: SyncRequest, _ viewer: EventViewer, _ rooms: UserRooms
    ) async throws -> SyncAnswer {
        let recent = request.since.flatMap { stream.recent(after: $0.events) }
        let now = recent?.upTo ?? stream.position
        let places = rooms.rooms
        let assembly = SyncAssembly(
            request: request, viewer: viewer, places: places, now: now, accountData: rooms.accountData,
            time: time.now(), members: members,
            timelineLimit: min(request.filter.timeline.limit ?? Self.standardTimelineLimit, timelineLimit),
            settings: settings, marksModuleFields: moduleFields.isWanted)
        var answer: SyncAnswer
        if let recent, let fast = assembly.answer(fromRecent: recent.events) {
            answer = fast
        } else {
            answer = try await database.read { [caches] transaction in
                try assembly.answer(
                    from: RoomStores(transaction, caches: caches, .reading), recent: recent?.events)
            }
        }
        if assembly.marksModuleFields { answer.body = try await moduleFields.fill(answer.body, request.filter) }
        return answer
    }
}

/// An answer to `/sync`.
struct SyncAnswer: Sendable {
    var body: [UInt8]
    /// Whether there is anything a client waits for.
    var hasNews: Bool
}
