package import Logging
import MatrixCore
import ModuleAPI
package import SQLEngine
import ServiceLifecycle
import Storage
import Synchronization

/// Tells modules of every event that was stored (`on_new_event`), in the order of the stream and behind it.
///
/// It keeps a position, not events: what it has not come to yet is read from storage. The position is stored now and then,
/// and when the server stops; after a crash modules are told again of what came within the last moment.
package final class ModuleEventFeed: Service {
    private let database: any Database
    private let states: RoomStates
    private let sender: EventSender
    private let stream: EventStream
    private let modules: ModuleRegistry
    private let log: Logger
    /// Where the stream stood before any module was made.
    private let start: StreamPosition
    /// How long to wait after the position was stored before it is again.
    private let savingInterval: Duration
    private let progress = Mutex(Progress())

    private struct Progress {
        /// The position up to which modules know every event.
        var told: StreamPosition?
        var saved: StreamPosition?
    }

    /// How many events to read at once.
    private static let batch = 200

    package init(
        database: any Database, sender: EventSender, stream: EventStream, modules: ModuleRegistry,
        savingInterval: Duration = .seconds(1), log: Logger = Logger(label: "axolemma.modules")
    ) {
        self.log = log
        self.savingInterval = savingInterval
        start = stream.position
        self.database = database
        self.sender = sender
        states = sender.states
        self.stream = stream
        self.modules = modules
    }

    package func run() async throws {
        try await resume()
        // Without a stored position, what comes before a crash would be forgotten.
        await save()
        await cancelWhenGracefulShutdown { [self] in
            await modules.whenRegistered(.onNewEvent)
            if Task.isCancelled { return }
            progress.withLock { $0.told = $0.told ?? stream.position }
            await save()
            let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [self] in
                    await tell { changed.yield() }
                    changed.finish()
                }
                group.addTask { [self] in
                    for await _ in changes {
                        await save()
                        try? await Task.sleep(for: savingInterval)
                    }
                }
            }
        }
        await save()
    }

    /// Goes on where modules were told last; where none is, forgets where that was, so that one that comes later is not
    /// told of everything since.
    private func resume() async throws {
        let isWanted = modules.hasOnNewEvent
        let saved = try await database.read { [caches = states.caches] in
            try RoomStores($0, caches: caches, .reading).moduleFeedPosition()
        }
        if !isWanted, saved != nil {
            try await database.write { [caches = states.caches] in
                try RoomStores($0, caches: caches, .writing).setModuleFeedPosition(nil)
            }
        }
        progress.withLock { $0 = isWanted ? Progress(told: min(saved ?? start, start), saved: saved) : Progress() }
    }

    private func save() async {
        let told = progress.withLock { $0.told == $0.saved ? nil : $0.told }
        guard let told else { return }
        do {
            try await database.write { [caches = states.caches] in
                try RoomStores($0, caches: caches, .writing).setModuleFeedPosition(told)
            }
            progress.withLock { $0.saved = told }
        } catch is CancellationError {
            // The server stops, and will save once more.
        } catch {
            log.error("Where modules were told of events last cannot be stored: \(error)")
        }
    }

    /// Tells of events as they come, first of those that came before.
    private func tell(_ onProgress: @Sendable () -> Void) async {
        let advances = stream.advances()
        var iterator = advances.makeAsyncIterator()
        repeat {
            do {
                try await tellOfNews(onProgress)
            } catch is CancellationError {
                return
            } catch {
                log.error("Modules will be told of the latest events with the next one: \(error)")
            }
        } while await iterator.next() != nil
    }

    /// Tells of everything that modules do not know yet.
    private func tellOfNews(_ onProgress: @Sendable () -> Void) async throws {
        while !Task.isCancelled {
            let after = progress.withLock { $0.told } ?? start
            let events = try await database.read { [caches = states.caches] transaction in
                try RoomStores(transaction, caches: caches, .reading).events(after: after, limit: Self.batch)
            }
            let shown = Self.shownStates(events.map { parsed in parsed.1 })
            for ((event, parsed), shown) in zip(events, shown) {
                if Task.isCancelled { return }
                let map = sender.stateMap(of: event.room, at: events[shown].0.record.roomState ?? .empty)
                await modules.onNewEvent(parsed, state: map)
                progress.withLock { $0.told = event.number }
                onProgress()
            }
            if events.count < Self.batch { break }
        }
    }

    /// Of which event to show the state with each event: its own. With a new room's events after the creator's join it is that
    /// of the last one: they were written at once, and modules look at a new room as a whole.
    private static func shownStates(_ events: [Event]) -> [Int] {
        var shown = Array(events.indices)
        for (start, create) in events.enumerated() where create.type == .create {
            let rest = events[(start + 1)...].prefix { event in
                event.roomID == create.roomID && event.stateKey != nil
                    && (event.type != .member || event.stateKey == create.sender.string)
            }
            for index in rest.indices.dropFirst() { shown[index] = rest.endIndex - 1 }
        }
        return shown
    }
}
