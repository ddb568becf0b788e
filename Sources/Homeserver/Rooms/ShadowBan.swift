import MatrixCore
import Storage

/// What users are told who are banned without knowing it: what they send seems to arrive, after a while, and nobody gets it.
///
/// They may join, leave and read as ever, and make rooms of their own.
final class ShadowBan: Sendable {
    private let delay: ClosedRange<Int64>
    private let random: RandomSource
    /// What transactions of late came to.
    private let recent = BoundedCache<Transaction, EventID>(limit: 1_000)

    private struct Transaction: Hashable, Sendable {
        let room: RoomID
        let transaction: EventTransaction
    }

    /// - Parameter delay: In milliseconds, from which to which answers take.
    init(delay: ClosedRange<Int64>, random: RandomSource = .system) {
        self.delay = delay
        self.random = random
    }

    /// The answer to an event that is not sent.
    func event(in room: RoomID, _ transaction: EventTransaction? = nil) async throws -> EventID {
        let key = transaction.map { Transaction(room: room, transaction: $0) }
        if let key, let told = recent[key] { return told }
        let event = EventID(trusted: "$\(random.letters(43))")
        if let key { recent.insert(event, for: key) }
        try await wait()
        return event
    }

    /// Takes as long as if something were being done.
    func wait() async throws {
        try await Task.sleep(for: .milliseconds(Int64.random(in: delay)))
    }
}
