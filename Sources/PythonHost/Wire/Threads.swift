import Foundation

/// Starts a thread of our own for calls that block: the cooperative pool must never wait for another process.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
        // Only a running thread's name reaches the system.
        Thread.current.name = name
        body()
    }
    thread.stackSize = 1 << 20
    thread.start()
}

/// Where one thread waits until another has work for it.
///
/// `@unchecked Sendable`: `isSignalled` is only touched with `condition` locked.
final class Parker: @unchecked Sendable {
    private let condition = NSCondition()
    private var isSignalled = false

    /// Waits for a signal; returns at once if one came since the last wait.
    func park() {
        condition.lock()
        while !isSignalled { condition.wait() }
        isSignalled = false
        condition.unlock()
    }

    func unpark() {
        condition.lock()
        isSignalled = true
        condition.unlock()
        condition.signal()
    }
}
