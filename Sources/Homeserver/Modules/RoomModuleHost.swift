package import MatrixCore
package import ModuleAPI
import Storage

/// What modules may do in rooms.
package struct RoomModuleHost: ModuleHost {
    private let sender: EventSender

    package init(sender: EventSender) { self.sender = sender }

    package func createAndSendEvent(_ event: ModuleAPI.NewEvent) async throws -> Event {
        guard event.sender.server == sender.composer.serverName else {
            throw MatrixError(
                status: 500, code: .unknown, message: "User \(event.sender) is not of this server")
        }
        guard let room = try await sender.states.room(event.roomID) else {
            throw MatrixError.forbidden("User \(event.sender) not in room \(event.roomID)")
        }
        let intent = EventIntent(
            type: event.type, stateKey: event.stateKey, content: event.content, sender: event.sender,
            redacts: event.type == .redaction ? event.content.string("redacts").flatMap { EventID($0) } : nil)
        let id = try await sender.send(intent, to: room)
        guard let sent = try await sender.states.event(id) else { throw MatrixError.internalError }
        return sent
    }

    package func currentState(of room: RoomID) async throws -> StateMap {
        guard let room = try await sender.states.room(room) else { return StateMap() }
        return sender.stateMap(of: room, at: try await sender.states.currentState(of: room))
    }
}
