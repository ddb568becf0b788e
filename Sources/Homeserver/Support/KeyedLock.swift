import Synchronization

/// A lock for each key. Waiters get it in the order they asked; one whose task is cancelled leaves the queue.
package final class KeyedLock<Key: Hashable & Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Queues {
        /// An entry for each key that is held, with those who wait for it.
        var waiting: [Key: [Waiter]] = [:]
        var nextID: UInt64 = 0
    }

    private let queues = Mutex(Queues())

    package init() {}

    /// Runs `body` while nobody else holds `key`.
    /// - Throws: `CancellationError` if the task was cancelled before the lock came free; what `body` throws.
    package func withLock<Value>(on key: Key, _ body: () async throws -> Value) async throws -> Value {
        try await acquire(key)
        defer { release(key) }
        return try await body()
    }

    func acquire(_ key: Key) async throws {
        let id: UInt64? = queues.withLock { queues in
            if queues.waiting[key] == nil {
                queues.waiting[key] = []
                return nil
            }
            queues.nextID += 1
            return queues.nextID
        }
        guard let id else { return }
        let granted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome: Bool? = queues.withLock { queues in
                    // Cancelled before it could be found in the queue: the handler has run and found nothing.
                    if Task.isCancelled { return false }
                    guard queues.waiting[key] != nil else {
                        queues.waiting[key] = []
                        return true
                    }
                    queues.waiting[key]?.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            let waiter = queues.withLock { queues -> Waiter? in
                guard let index = queues.waiting[key]?.firstIndex(where: { $0.id == id }) else { return nil }
                return queues.waiting[key]?.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        if !granted { throw CancellationError() }
    }

    func release(_ key: Key) {
        let next = queues.withLock { queues -> Waiter? in
            guard var waiting = queues.waiting[key], !waiting.isEmpty else {
                queues.waiting[key] = nil
                return nil
            }
            let next = waiting.removeFirst()
            queues.waiting[key] = waiting
            return next
        }
        next?.continuation.resume(returning: true)
    }
}
