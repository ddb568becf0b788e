import Logging
import ModuleAPI
import Synchronization

/// A callback that is only told something, and what it is to be told.
struct Notice: Sendable {
    let registration: Registration
    let arguments: [UInt8]
    let state: StateMap?
    /// How often it was sent to a process that then ended.
    var attempts = 0

    /// How often a notice is sent: one that a process ended over is given another chance, and no more.
    static let maximumAttempts = 2
}

/// What modules are to be told once there is a process again, in order.
final class UndeliveredNotices: Sendable {
    /// More are not kept.
    static let limit = 10_000

    private let notices = Mutex<ArraySlice<Notice>>([])
    /// Notices that were sent, and whose senders gave up before they were answered.
    private let abandoned = Mutex<[Notice]>([])

    var count: Int { notices.withLock { $0.count } }

    /// Keeps a notice for later.
    /// - Returns: Whether there was room for it.
    func append(_ notice: Notice) -> Bool {
        notices.withLock { notices in
            guard notices.count < Self.limit else { return false }
            notices.append(notice)
            return true
        }
    }

    // A process that hangs has read none of what was sent to it lately. One that answers a ping has begun with all that was
    // sent before the ping.

    /// Remembers a notice whose sender gave up, in case the process hangs.
    func abandon(_ notice: Notice) {
        abandoned.withLock { if $0.count < Self.limit { $0.append(notice) } }
    }

    /// How many notices were given up and may not have been read.
    var abandonedCount: Int { abandoned.withLock { $0.count } }

    /// The process has read the first so many of them.
    func confirm(_ count: Int) { abandoned.withLock { $0.removeFirst(min(count, $0.count)) } }

    /// The process has ended: what it may not have read is due again, before all that came later.
    func reclaim() {
        let unread = abandoned.withLock { abandoned in
            defer { abandoned = [] }
            return abandoned
        }
        notices.withLock { $0.insert(contentsOf: unread, at: $0.startIndex) }
    }

    /// Tells a process what there is to tell. A callback that fails is done with; its error only reaches the log.
    /// - Parameter end: When to stop, though there be more; it is kept.
    /// - Throws: If the process ends over it, or the task is cancelled; the rest is kept.
    func deliver(
        to session: HostSession, timeout: Duration, until end: ContinuousClock.Instant? = nil, _ log: Logger
    ) async throws {
        while var notice = notices.withLock({ $0.first }) {
            if let end, ContinuousClock.now >= end { return }
            notice.attempts += 1
            guard notice.attempts <= Notice.maximumAttempts else {
                log.error("\(notice.registration.label) is not told of this: two processes ended over it")
                notices.withLock { _ = $0.popFirst() }
                continue
            }
            let kept = notice
            notices.withLock { notices in
                if !notices.isEmpty { notices[notices.startIndex] = kept }
            }
            do {
                if let identifier = session.identifier(of: kept.registration.number) {
                    _ = try await withDeadline(timeout) {
                        try await session.callback(
                            identifier, kept.registration.label, kept.arguments, state: kept.state)
                    }
                }
            } catch Connection.CallError.lost {
                throw Connection.CallError.lost(wasSent: true)
            } catch let error as CancellationError where Task.isCancelled {
                throw error
            } catch {
                log.error("\(kept.registration.label) failed: \(error)")
            }
            notices.withLock { _ = $0.popFirst() }
        }
    }

    /// Delivers what is left, and what comes to be kept while the process runs, until it ends.
    func keepDelivering(to session: HostSession, timeout: Duration, _ log: Logger) async {
        let pause = Duration.seconds(1)
        while session.isOpen, !Task.isCancelled {
            do {
                try await deliver(to: session, timeout: timeout, log)
                try await Task.sleep(for: pause)
            } catch {
                return await session.ended()
            }
        }
    }
}
