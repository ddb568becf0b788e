package import Logging
package import SQLEngine
import ServiceLifecycle
package import Storage

/// Collects state nodes that nothing reaches any more, now and then and a little at a time.
package final class StateUpkeep: Service {
    private let database: any Database
    private let collector: StateCollector
    private let log: Logger
    private let interval: Duration

    /// How long to leave the database alone between two steps.
    private static let pause = Duration.milliseconds(100)

    /// - Parameter interval: From the end of one collection to the begin of the next.
    package init(database: any Database, caches: StorageCaches, log: Logger, interval: Duration = .seconds(6 * 3600)) {
        self.database = database
        collector = StateCollector(caches: caches)
        self.log = log
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while (try? await Task.sleep(for: interval)) != nil {
                do {
                    let deleted = try await collector.run(database: database) {
                        try await Task.sleep(for: Self.pause)
                    }
                    log.info("Deleted \(deleted) state nodes that nothing reached")
                } catch is CancellationError {
                    return
                } catch {
                    log.error("Collecting state nodes failed and will be tried again: \(error)")
                }
            }
        }
    }
}
