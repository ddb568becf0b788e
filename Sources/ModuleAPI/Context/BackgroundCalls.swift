/// Work of a module that no callback asks for. The server owns it: it logs errors and stops it when it stops.
///
/// Part of ``ModuleContext``.
public protocol BackgroundCalls: Sendable {
    /// Calls `body` again and again, first after `interval`; a call never begins before the last one ended.
    ///
    /// An error is logged and the loop goes on. Synapse's `looping_background_call`.
    @discardableResult
    func loop(
        every interval: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall

    /// Calls `body` once, after `delay`. It is forgotten if the server stops before. Synapse's `delayed_background_call`.
    @discardableResult
    func call(
        after delay: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall

    /// Calls `body` soon, beside whatever goes on now. Synapse's `run_as_background_process`.
    @discardableResult
    func run(named name: String, _ body: @escaping @Sendable () async throws -> Void) -> BackgroundCall
}

/// A call that was asked for.
public struct BackgroundCall: Sendable {
    private let onCancel: @Sendable () -> Void

    /// Makes a handle whose cancellation does `onCancel`.
    public init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }

    /// Keeps it from being made (again); one that is under way has its task canceled.
    public func cancel() { onCancel() }
}
