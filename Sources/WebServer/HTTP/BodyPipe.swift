import NIOCore
import Synchronization

/// Carries a request's body from its connection to its handler, which may run on any thread.
///
/// The connection pushes what arrives and is told to stop reading when ``highWater`` is exceeded; the handler takes it out.
final class BodyPipe: Sendable {
    /// More bytes than this, and the client has to wait.
    static let highWater = 65_536
    /// No more bytes than this, and the client may go on.
    static let lowWater = 16_384

    private struct State {
        var pieces = CircularBuffer<[UInt8]>()
        var buffered = 0
        var isHeld: Bool
        /// How the body ended: `.success` once all of it has been pushed.
        var end: Result<Void, any Error>?
        var waiting: CheckedContinuation<[UInt8]?, any Error>?
    }

    private let state: Mutex<State>
    private let onDemand: @Sendable () -> Void

    /// - Parameters:
    ///   - isHeld: Whether the client waits to be told to send.
    ///   - onDemand: Called, on whatever thread, when the client is to send after it was held.
    init(isHeld: Bool, onDemand: @escaping @Sendable () -> Void) {
        state = Mutex(State(isHeld: isHeld))
        self.onDemand = onDemand
    }

    /// Whether nothing is to be read from the client for now.
    var isHeld: Bool { state.withLock { $0.isHeld } }

    // MARK: The connection's side

    func push(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        let waiting = state.withLock { state -> CheckedContinuation<[UInt8]?, any Error>? in
            guard state.end == nil else { return nil }
            if let waiting = state.waiting {
                state.waiting = nil
                return waiting
            }
            state.pieces.append(piece)
            state.buffered += piece.count
            if state.buffered > Self.highWater { state.isHeld = true }
            return nil
        }
        waiting?.resume(returning: piece)
    }

    func finish() { end(.success(())) }

    /// Ends the body for the handler, after what it has not read yet.
    func fail(_ error: any Error) { end(.failure(error)) }

    private func end(_ result: Result<Void, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<[UInt8]?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = result
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(with: result.map { nil })
    }

    // MARK: The handler's side

    /// The next piece; `nil` at the end.
    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in take(continuation) }
        } onCancel: {
            fail(CancellationError())
        }
    }

    private func take(_ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        var isWanted = false
        let result = state.withLock { state -> Result<[UInt8]?, any Error>? in
            // Module code decides who reads: its mistake must not end the server.
            guard state.waiting == nil else { return .failure(BodyInUse()) }
            var result = state.end?.map { () -> [UInt8]? in nil }
            if let piece = state.pieces.popFirst() {
                state.buffered -= piece.count
                result = .success(piece)
            } else if result == nil {
                state.waiting = continuation
            }
            if state.isHeld, state.buffered <= Self.lowWater {
                state.isHeld = false
                isWanted = state.end == nil
            }
            return result
        }
        if isWanted { onDemand() }
        if let result { continuation.resume(with: result) }
    }
}

/// A second task reads a request's body, or writes an answer's, while a first one waits.
struct BodyInUse: Error, CustomStringConvertible {
    var description: String { "a body is read or written by two tasks at once" }
}
