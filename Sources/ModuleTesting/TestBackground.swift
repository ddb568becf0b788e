public import ModuleAPI
import Synchronization

/// Background calls whose time passes when the test says so.
public final class TestBackground: BackgroundCalls {
    private struct Call {
        let number: Int
        let name: String
        var due: Duration
        /// `nil` for a call that is made once.
        let interval: Duration?
        let body: @Sendable () async throws -> Void
    }

    private struct State {
        var calls: [Call] = []
        var now = Duration.zero
        var lastNumber = 0
        var onError: (@Sendable (String, any Error) -> Void)?
    }

    private let contents = Mutex(State())

    init() {}

    // MARK: For the test

    /// The names of the calls that are to come, in the order they were asked for.
    public var pending: [String] { contents.withLock { $0.calls.sorted { $0.number < $1.number }.map(\.name) } }

    /// Lets time pass and makes the calls that fall due, one after the other in the order of their time.
    ///
    /// `advance(by: .zero)` makes those that are due now.
    public func advance(by duration: Duration) async {
        let end = contents.withLock { $0.now + duration }
        while let call = nextCall(until: end) {
            do {
                try await call.body()
            } catch {
                contents.withLock { $0.onError }?(call.name, error)
            }
        }
        contents.withLock { $0.now = end }
    }

    /// Takes the next call that is due, and puts a loop's next one in its place.
    private func nextCall(until end: Duration) -> Call? {
        contents.withLock { state in
            let due = state.calls.indices.filter { state.calls[$0].due <= end }
            let index = due.min { left, right in
                let (left, right) = (state.calls[left], state.calls[right])
                return (left.due, left.number) < (right.due, right.number)
            }
            guard let index else { return nil }
            let call = state.calls[index]
            state.now = max(state.now, call.due)
            if let interval = call.interval {
                // Time stands still for a loop without an interval; it is called once for each advance.
                state.calls[index].due = interval > .zero ? call.due + interval : end + .nanoseconds(1)
            } else {
                state.calls.remove(at: index)
            }
            return call
        }
    }

    func onError(_ body: @escaping @Sendable (String, any Error) -> Void) {
        contents.withLock { $0.onError = body }
    }

    // MARK: BackgroundCalls

    @discardableResult
    public func loop(
        every interval: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall { add(name, after: interval, interval: interval, body) }

    @discardableResult
    public func call(
        after delay: Duration, named name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall { add(name, after: delay, interval: nil, body) }

    @discardableResult
    public func run(named name: String, _ body: @escaping @Sendable () async throws -> Void) -> BackgroundCall {
        add(name, after: .zero, interval: nil, body)
    }

    private func add(
        _ name: String, after delay: Duration, interval: Duration?, _ body: @escaping @Sendable () async throws -> Void
    ) -> BackgroundCall {
        let number = contents.withLock { state in
            state.lastNumber += 1
            state.calls.append(
                Call(
                    number: state.lastNumber, name: name, due: state.now + delay, interval: interval, body: body))
            return state.lastNumber
        }
        return BackgroundCall { [self] in contents.withLock { $0.calls.removeAll { $0.number == number } } }
    }
}
