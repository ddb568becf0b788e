package import MatrixCore
package import ModuleAPI

/// What `check_event_allowed` came to, denial aside.
package enum EventVerdict: Hashable, Sendable {
    case allow
    /// A module wants this whole event instead; ``EventReplacement`` checks it.
    case replace(JSONObject)
}

/// The questions put to third-party rules, and what they are told.
extension ModuleRegistry {
    /// Asks whether an event may come into being. Modules are asked in order until one denies or replaces.
    /// - Parameter state: The room's state before the event.
    /// - Throws: `MatrixError` if a module denies or fails.
    package func checkEventAllowed(_ event: Event, state: StateMap) async throws -> EventVerdict {
        guard has(.checkEventAllowed) else { return .allow }
        for entry in entries({ $0.checkEventAllowed }) {
            let answer: EventAnswer = try await runner.call(
                .init(module: entry.module, callback: .checkEventAllowed),
                denial: { if case .deny(let error) = $0 { error } else { nil } }
            ) { try await entry.callback(event, state) }
            if case .replace(let object) = answer { return .replace(object) }
        }
        return .allow
    }

    /// Lets modules refuse or change a request to create a room, in order until one refuses.
    /// - Parameter request: The body of the request, not validated yet.
    /// - Returns: The body with the modules' changes.
    /// - Throws: `MatrixError` if a module refuses or fails.
    package func onCreateRoom(
        requester: Requester, request: JSONObject, isAdmin: Bool
    ) async throws -> JSONObject {
        guard has(.onCreateRoom) else { return request }
        var request = request
        for entry in entries({ $0.onCreateRoom }) {
            let original = request
            request = try await runner.call(
                .init(module: entry.module, callback: .onCreateRoom),
                failure: MatrixError(
                    status: 403, code: .unknown, message: "Room creation forbidden with these parameters"),
                denial: { _ in nil }
            ) {
                var edited = original
                try await entry.callback(requester, &edited, isAdmin)
                return edited
            }
        }
        return request
    }

    /// Tells every module of an event that was stored, in order. Their errors only reach the log.
    ///
    /// The sender's answer does not wait for this.
    /// - Parameter state: The room's current state, the event included.
    package func onNewEvent(_ event: Event, state: StateMap) async {
        guard hasOnNewEvent else { return }
        for entry in entries({ $0.onNewEvent }) {
            await runner.notify(.init(module: entry.module, callback: .onNewEvent)) {
                try await entry.callback(event, state)
            }
        }
    }
}
