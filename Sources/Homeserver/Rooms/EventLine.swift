import MatrixCore
import Storage
import Synchronization

/// An event that waits to be sent, and how that went.
final class PendingSend: Sendable {
    /// The event as modules have seen and allowed it: it is sent as it is.
    struct Draft: Sendable {
        let event: Event
        let redacts: EventNumber?
        /// The state that it was authorized against.
        let state: StateRoot
    }

    private struct Contents {
        var intent: EventIntent
        var draft: Draft?
        var result: Result<EventID, any Error>?
    }

    private let contents: Mutex<Contents>

    init(_ intent: EventIntent) { contents = Mutex(Contents(intent: intent)) }

    var intent: EventIntent {
        get { contents.withLock { $0.intent } }
        set { contents.withLock { $0.intent = newValue } }
    }

    /// `nil` for an event that is made when it is its turn.
    var draft: Draft? {
        get { contents.withLock { $0.draft } }
        set { contents.withLock { $0.draft = newValue } }
    }

    /// `nil` until it is decided.
    var result: Result<EventID, any Error>? {
        get { contents.withLock { $0.result } }
        set { contents.withLock { $0.result = newValue } }
    }

    /// Keeps it from being sent, unless it is decided or on its way.
    func abandon() { contents.withLock { $0.result = $0.result ?? .failure(CancellationError()) } }
}

/// Events drafted one onto the other, to be written together.
struct EventLine {
    /// The number of an event that has none yet.
    static let unwritten = EventNumber.max

    /// Where the room will stand.
    private(set) var position: RoomPosition
    private(set) var sends: [PendingSend] = []
    private(set) var events: [EventToCommit] = []
    /// What the line's own events put into the state.
    private var changes: [StateKey: Event] = [:]
    private let start: StateRoot

    /// Whether the line changed the state by an event that does not follow all there was: only resolution tells how.
    private(set) var hasForkedState = false

    init(_ position: RoomPosition) {
        self.position = position
        start = position.state
    }

    /// Whether the line's own events change the state.
    var hasChanges: Bool { !changes.isEmpty }

    mutating func append(_ event: Event, for send: PendingSend, redacts: EventNumber?) {
        sends.append(send)
        events.append(EventToCommit(event, redacts: redacts, transaction: send.intent.transaction))
        position.extremities.removeAll { event.prevEvents.contains($0.id) }
        position.extremities.append(
            RoomPosition.Extremity(number: Self.unwritten, id: event.eventID, depth: event.depth, state: start))
        if let key = event.state {
            changes[key] = event
            if position.extremities.count > 1 { hasForkedState = true }
        }
    }

    /// The state events under `keys` at the end of the line.
    func state(of keys: [StateKey], from states: RoomStates) async throws -> [StateKey: Event] {
        var events = try await states.events(keys, in: start, of: position.room)
        if !changes.isEmpty { for key in keys { if let event = changes[key] { events[key] = event } } }
        return events
    }
}
