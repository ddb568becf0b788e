package import Homeserver
import MatrixCore
package import WebServer

/// Learning what is new.
///
/// Spec: Client-Server API, [Syncing](https://spec.matrix.org/v1.19/client-server-api/#syncing).
package struct Sync: EndpointGroup {
    private let sync: SyncService
    private let filters: FilterService

    package init(sync: SyncService, filters: FilterService) {
        self.sync = sync
        self.filters = filters
    }

    package var endpoints: [Endpoint] {
        [.get("/_matrix/client/v3/sync", .user(guests: true), aliases: ["r0", "unstable"], sync)]
    }

    /// How long a request may wait, at most, in milliseconds.
    private static let maximumTimeout = 600_000

    private enum Presence: String, CaseIterable {
        case unavailable, online, offline
    }

    /// Gives what is new since a token, and waits for it if there is nothing.
    @Sendable func sync(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        var request = SyncRequest()
        let timeout = min(try call.queryCount("timeout") ?? 0, Self.maximumTimeout)
        request.timeout = .milliseconds(timeout)
        // Presence is not told to others yet.
        _ = try call.queryChoice("set_presence", Presence.allCases)
        if let text = call.query("since") {
            guard let token = StreamToken(text) else { throw MatrixError.invalidStreamToken }
            request.since = token
        }
        request.fullState = try call.queryBool("full_state") ?? false
        request.usesStateAfter =
            try call.queryBool("use_state_after") ?? call.queryBool("org.matrix.msc4222.use_state_after") ?? false
        if let filter = call.query("filter"), !filter.isEmpty {
            request.filter = SyncFilter(try await self.filter(filter, of: requester))
        }
        return .json(bytes: try await sync.sync(request, by: requester))
    }

    /// The filter a client names by its ID or gives as JSON.
    private func filter(_ text: String, of requester: Requester) async throws -> JSONObject {
        if text.utf8.first == UInt8(ascii: "{") {
            guard let filter = try? JSONObject.parse(Array(text.utf8)) else {
                throw MatrixError(status: 400, code: .notJSON, message: "Invalid filter JSON")
            }
            try FilterFormat.validate(filter)
            return filter
        }
        do {
            return try await filters.filter(text, of: requester.accountNumber)
        } catch let error as MatrixError where error.status == 404 {
            throw MatrixError.invalidParam("No such filter")
        } catch let error as MatrixError where error.status == 400 {
            throw MatrixError.invalidParam("Invalid filter ID")
        }
    }
}
