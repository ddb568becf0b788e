/// The server's log, as a module sees it.
///
/// Never log tokens, passwords or what people write.
public struct ModuleLog: Sendable {
    /// How much an entry matters.
    public enum Level: String, Sendable, CaseIterable {
        case debug, info, warning, error
    }

    private let isEnabled: @Sendable (Level) -> Bool
    private let write: @Sendable (Level, String) -> Void

    /// Makes a log that hands its entries to `write`, those for which `isEnabled` says so.
    public init(
        isEnabled: @escaping @Sendable (Level) -> Bool = { _ in true },
        write: @escaping @Sendable (Level, String) -> Void
    ) {
        self.isEnabled = isEnabled
        self.write = write
    }

    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }

    /// Writes `message`, which is not built if the operator does not log this level.
    public func log(_ level: Level, _ message: @autoclosure () -> String) {
        if isEnabled(level) { write(level, message()) }
    }
}
