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

    /// How many events to read at once.
    private static let batch = 200

    package init(
        database: any Database, sender: EventSender, stream: EventStream, modules: ModuleRegistry
    ) {
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
        try await cancelWhenGracefulShutdown { [self] in
            var position = start
            for await _ in advances { position = try await tell(after: position) }
        }
    }

    /// Tells of everything after `position`; returns where that ended.
    private func tell(after position: StreamPosition) async throws -> StreamPosition {
        var position = position
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
        return position
    }
}
