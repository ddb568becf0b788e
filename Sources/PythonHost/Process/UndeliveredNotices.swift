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

    /// Tells a new process what there is to tell. A callback that fails is done with; its error only reaches the log.
    /// - Throws: If the process ends over it; the rest is kept.
    func deliver(to session: HostSession, timeout: Duration, _ log: Logger) async throws {
        while var notice = notices.withLock({ $0.first }) {
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
            } catch {
                log.error("\(kept.registration.label) failed: \(error)")
            }
            notices.withLock { _ = $0.popFirst() }
        }
    }
}
