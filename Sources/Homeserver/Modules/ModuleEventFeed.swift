package import Logging
import MatrixCore
import ModuleAPI
package import SQLEngine
import ServiceLifecycle
import Storage

/// Tells modules of every event that was stored (`on_new_event`), in the order of the stream and behind it.
///
/// It keeps a position, not events: what it has not come to yet is read from storage.
package final class ModuleEventFeed: Service {
    private let database: any Database
    private let states: RoomStates
    private let sender: EventSender
    private let stream: EventStream
    private let modules: ModuleRegistry
    private let log: Logger

    /// How many events to read at once.
    private static let batch = 200

    package init(
        database: any Database, sender: EventSender, stream: EventStream, modules: ModuleRegistry,
        log: Logger = Logger(label: "axolemma.modules")
    ) {
        self.log = log
        self.database = database
        self.sender = sender
        states = sender.states
        self.stream = stream
        self.modules = modules
    }

    package func run() async throws {
        guard modules.hasOnNewEvent else {
            try? await gracefulShutdown()
            return
        }
        let start = stream.position
        let advances = stream.advances()
        await cancelWhenGracefulShutdown { [self] in
            var position = start
            for await _ in advances {
                do {
                    try await tell(after: &position)
                } catch is CancellationError {
                    return
                } catch {
                    log.error("Modules will be told of the latest events with the next one: \(error)")
                }
            }
        }
    }

    /// Tells of everything after `position`, and moves that to where it ended.
    private func tell(after position: inout StreamPosition) async throws {
        while !Task.isCancelled {
            let after = position
            let events = try await database.read { [caches = states.caches] transaction in
                try RoomStores(transaction, caches: caches, .reading).events(after: after, limit: Self.batch)
            }
            for (event, parsed) in events {
                let map = sender.stateMap(of: event.room, at: event.record.roomState ?? .empty)
                await modules.onNewEvent(parsed, state: map)
                position = event.number
            }
            if events.count < Self.batch { break }
        }
    }
}
