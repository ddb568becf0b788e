package import Homeserver
import MatrixCore
package import WebServer

/// Reading a room's state, members and events.
///
/// Spec: Client-Server API,
/// [Getting events for a room](https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room).
package struct Rooms: EndpointGroup {
    private let reader: RoomReader

    package init(reader: RoomReader) { self.reader = reader }

    private static let aliases = ["r0", "api/v1", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .get(
                "/_matrix/client/v3/rooms/{roomId}/event/{eventId}", .user(guests: true), aliases: Self.aliases,
                getOneRoomEvent),
            .get(
                "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", .user(guests: true),
                aliases: Self.aliases + RoomState.shortPaths, getRoomStateWithKey),
            .get("/_matrix/client/v3/rooms/{roomId}/state", .user(guests: true), aliases: Self.aliases, getRoomState),
            .get(
                "/_matrix/client/v3/rooms/{roomId}/members", .user(guests: true), aliases: Self.aliases,
                getMembersByRoom),
            .get(
                "/_matrix/client/v3/rooms/{roomId}/joined_members", .user(guests: false), aliases: Self.aliases,
                getJoinedMembersByRoom),
        ]
    }

    /// Gives one event.
    @Sendable func getOneRoomEvent(_ call: Call) async throws -> Reply {
        .json(bytes: try await reader.event(call.knownEventID(), in: call.roomID(), by: call.user()))
    }

    /// Gives one piece of state.
    @Sendable func getRoomStateWithKey(_ call: Call) async throws -> Reply {
        let format = try call.queryChoice("format", RoomReader.StateFormat.allCases) ?? .content
        let key = StateKey(EventType(call.path("eventType")), call.path("stateKey"))
        return .json(bytes: try await reader.state(key, of: call.roomID(), as: format, by: call.user()))
    }

    /// Gives the whole state.
    @Sendable func getRoomState(_ call: Call) async throws -> Reply {
        .json(bytes: try await reader.state(of: call.roomID(), by: call.user()))
    }

    /// Lists members.
    @Sendable func getMembersByRoom(_ call: Call) async throws -> Reply {
        var token: StreamToken?
        if let text = call.query("at") {
            guard let read = StreamToken(text) else { throw MatrixError.invalidStreamToken }
            token = read
        }
        var wanted = Set(Membership.allCases)
        if let only = call.query("membership") { wanted.formIntersection(Membership(bytesOf: only).map { [$0] } ?? []) }
        if let not = call.query("not_membership").flatMap({ Membership(bytesOf: $0) }) { wanted.remove(not) }
        return .json(bytes: try await reader.members(of: call.roomID(), at: token, wanted, by: call.user()))
    }

    /// Lists names and avatars of the joined members.
    @Sendable func getJoinedMembersByRoom(_ call: Call) async throws -> Reply {
        .json(bytes: try await reader.joinedMembers(of: call.roomID(), by: call.user()))
    }
}

extension MatrixError {
    static let invalidStreamToken = MatrixError(status: 400, code: .unknown, message: "Invalid stream token")
}
