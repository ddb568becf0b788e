import Synchronization

/// Ends what takes too long.
///
/// Entries cost a dictionary insertion; no timer is made for them. One task, which lives only while there are entries,
/// sleeps until the earliest deadline. Calls that end in time (nearly all do) leave it nothing to do.
final class DeadlineWatch: Sendable {
    private struct Entry {
        let deadline: ContinuousClock.Instant
        let expire: @Sendable () -> Void
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var lastNumber: UInt64 = 0
        var isSweeping = false
    }

    private let state = Mutex(State())

    /// Calls `expire` once `deadline` has passed, unless the entry is removed first.
    /// - Returns: The entry's number, for ``remove(_:)``.
    func add(deadline: ContinuousClock.Instant, expire: @escaping @Sendable () -> Void) -> UInt64 {
        let (number, mustSweep) = state.withLock { state in
            state.lastNumber += 1
            state.entries[state.lastNumber] = Entry(deadline: deadline, expire: expire)
            defer { state.isSweeping = true }
            return (state.lastNumber, !state.isSweeping)
        }
        // Not in a service's task: it must run whenever a module is called, and it ends by itself.
        if mustSweep { Task.detached { await self.sweep() } }
        return number
    }

    func remove(_ number: UInt64) {
        state.withLock { _ = $0.entries.removeValue(forKey: number) }
    }

    private func sweep() async {
        while let next = expireOverdue() {
            // A sleep that is cut short only means an early look.
            try? await Task.sleep(until: next, clock: .continuous)
        }
    }

    /// Expires what is due.
    /// - Returns: The earliest deadline of the rest; `nil` if nothing is left to watch.
    private func expireOverdue() -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        let (overdue, next) = state.withLock { state in
            let overdue = state.entries.filter { $0.value.deadline <= now }
            for number in overdue.keys { state.entries[number] = nil }
            let next = state.entries.values.map(\.deadline).min()
            if next == nil { state.isSweeping = false }
            return (overdue, next)
        }
        for entry in overdue.values { entry.expire() }
        return next
    }
}
