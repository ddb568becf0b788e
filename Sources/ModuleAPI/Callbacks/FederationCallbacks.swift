public import MatrixCore

/// Callbacks about what other servers get: Synapse's federation callbacks (Synapse 1.158).
public struct FederationCallbacks: Sendable {
    /// Hears of events that another server got from this one, `on_event_delivered_over_federation`.
    ///
    /// Of events that were sent only those the other server accepted; of events it asked for, all that were in the answer.
    /// All modules are told; an error only reaches the log.
    public typealias OnEventDelivered = @Sendable (_ delivery: FederatedDelivery) async throws -> Void

    public var onEventDeliveredOverFederation: OnEventDelivered?

    public init(onEventDeliveredOverFederation: OnEventDelivered? = nil) {
        self.onEventDeliveredOverFederation = onEventDeliveredOverFederation
    }
}

/// Events that another server got. Synapse's `FederationEventDeliveryEvent`.
public struct FederatedDelivery: Hashable, Sendable {
    public var server: ServerName
    /// At least one.
    public var events: [Event]
    public var method: Method

    public init(server: ServerName, events: [Event], method: Method) {
        self.server = server
        self.events = events
        self.method = method
    }

    /// The request in which they went. More may come.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        case send = "/send"
        case backfill = "/backfill"
        case getMissingEvents = "/get_missing_events"
        case event = "/event"
        case eventAuth = "/event_auth"
        case state = "/state"
        case sendJoin = "/send_join"
    }
}
