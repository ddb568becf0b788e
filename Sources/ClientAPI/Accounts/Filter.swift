package import Homeserver
import MatrixCore
package import WebServer

/// Filters that `/sync` and `/messages` are asked for by ID.
///
/// Spec: Client-Server API, [Filtering](https://spec.matrix.org/v1.19/client-server-api/#filtering).
package struct Filter: EndpointGroup {
    private let filters: FilterService

    package init(filters: FilterService) { self.filters = filters }

    private static let aliases = ["r0", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .post(
                "/_matrix/client/v3/user/{userId}/filter", .user(guests: true), aliases: Self.aliases, defineFilter),
            .get(
                "/_matrix/client/v3/user/{userId}/filter/{filterId}", .user(guests: true), aliases: Self.aliases,
                getFilter),
        ]
    }

    /// Stores a filter.
    @Sendable func defineFilter(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        guard try call.userID() == requester.user else {
            throw MatrixError.forbidden("Cannot create filters for other users")
        }
        return .json(["filter_id": .string(try await filters.store(call.object(), for: requester.accountNumber))])
    }

    /// Gives a stored filter.
    @Sendable func getFilter(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        guard try call.userID() == requester.user else {
            throw MatrixError.forbidden("Cannot get filters for other users")
        }
        return .json(try await filters.filter(call.path("filterId"), of: requester.accountNumber))
    }
}
