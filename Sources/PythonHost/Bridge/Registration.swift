import MatrixCore
import ModuleAPI
import Synchronization

/// A callback that a module registered. It outlives the process: a new one's registrations are matched with it.
final class Registration: Sendable {
    /// What registrations of two processes are matched by.
    struct Key: Hashable, Sendable {
        var item: Int
        /// The callback's name; of an auth checker also the login type.
        var kind: String
        /// Which it is of its kind, in the order of registration.
        var ordinal: Int
    }

    let key: Key
    /// Its number among all registrations.
    let number: Int
    let label: CallLabel
    private let failure = Mutex<(any Error)?>(nil)
    private let isFinished = Mutex(false)

    init(key: Key, number: Int, label: CallLabel) {
        self.key = key
        self.number = number
        self.label = label
    }

    /// Says that the callback is registered with the server now.
    /// - Returns: Whether it was not before.
    func markFinished() -> Bool {
        isFinished.withLock { isFinished in
            defer { isFinished = true }
            return !isFinished
        }
    }

    /// The server did not accept the registration.
    func fail(_ error: any Error) { failure.withLock { $0 = error } }

    /// Why the server did not accept the registration, told once.
    func takeError() -> (any Error)? {
        failure.withLock { failure in
            defer { failure = nil }
            return failure
        }
    }
}
