import ServiceLifecycle
import Synchronization

/// Many time-outs for the price of one timer.
///
/// Accurate to ``tick``, which is enough for requests that wait for news.
package final class TimeoutWheel: Service {
    package static let tick = Duration.milliseconds(100)

    private struct Contents {
        var now: UInt64 = 0
        var slots: [UInt64: [UInt64: @Sendable () -> Void]] = [:]
        var nextID: UInt64 = 0
    }

    /// What takes a time-out back.
    package struct Token: Hashable, Sendable {
        let slot: UInt64
        let id: UInt64
    }

    private let contents = Mutex(Contents())

    package init() {}

    /// Runs `action` once `duration` has passed, rounded up to a tick; at once if it is not positive.
    package func schedule(after duration: Duration, _ action: @escaping @Sendable () -> Void) -> Token {
        let ticks = max(1, (duration.milliseconds + Self.tick.milliseconds - 1) / Self.tick.milliseconds)
        return contents.withLock { contents in
            contents.nextID += 1
            let token = Token(slot: contents.now + UInt64(ticks), id: contents.nextID)
            contents.slots[token.slot, default: [:]][token.id] = action
            return token
        }
    }

    package func cancel(_ token: Token) {
        contents.withLock { contents in
            contents.slots[token.slot]?[token.id] = nil
            if contents.slots[token.slot]?.isEmpty == true { contents.slots[token.slot] = nil }
        }
    }

    /// Lets one tick pass.
    package func advance() {
        let due = contents.withLock { contents in
            contents.now += 1
            return contents.slots.removeValue(forKey: contents.now)
        }
        for action in due?.values ?? [:].values { action() }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let clock = ContinuousClock()
            var next = clock.now
            while !Task.isCancelled {
                next = next.advanced(by: Self.tick)
                do { try await clock.sleep(until: next, tolerance: Self.tick) } catch { return }
                self.advance()
            }
        }
    }
}
