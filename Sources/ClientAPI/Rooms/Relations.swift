package import Homeserver
import MatrixCore
package import WebServer

/// Events that relate to others: replies, edits, reactions, threads.
///
/// Spec: Client-Server API, [Relationships API](https://spec.matrix.org/v1.19/client-server-api/#relationships-api).
package struct Relations: EndpointGroup {
    private let reader: RoomReader

    package init(reader: RoomReader) { self.reader = reader }

    private static let path = "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}"

    package var endpoints: [Endpoint] {
        [
            .get(Self.path, .user(guests: true), aliases: ["unstable"], getRelatingEvents),
            .get(Self.path + "/{relType}", .user(guests: true), aliases: ["unstable"], getRelatingEventsWithRelType),
            .get(
                Self.path + "/{relType}/{eventType}", .user(guests: true), aliases: ["unstable"],
                getRelatingEventsWithRelTypeAndEventType),
        ]
    }

    /// Lists all events that relate to one.
    @Sendable func getRelatingEvents(_ call: Call) async throws -> Reply {
        try await relations(call, relation: nil, type: nil)
    }

    /// Lists the events that relate to one in one way.
    @Sendable func getRelatingEventsWithRelType(_ call: Call) async throws -> Reply {
        try await relations(call, relation: call.path("relType"), type: nil)
    }

    /// Lists the events of one type that relate to one in one way.
    @Sendable func getRelatingEventsWithRelTypeAndEventType(_ call: Call) async throws -> Reply {
        try await relations(call, relation: call.path("relType"), type: call.path("eventType"))
    }

    private func relations(_ call: Call, relation: String?, type: String?) async throws -> Reply {
        guard let parent = EventID(call.path("eventId")) else { throw MatrixError.notFound("Unknown parent event.") }
        let recurses = try call.queryBool("recurse") ?? false
        guard ![relation, type].contains(where: { $0?.utf8.contains(0) == true }) else {
            throw MatrixError.invalidParam("Relation and event types must not contain NUL")
        }
        let request = try call.timelineRequest(orElse: .backwards, limit: 5)
        return .json(
            bytes: try await reader.relations(
                to: parent, in: call.roomID(), relation: relation, type: type.map { EventType($0) }, request,
                saysDepth: recurses, by: call.user()))
    }
}
