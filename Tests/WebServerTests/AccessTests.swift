import MatrixCore
import TestSupport
import Testing

@testable import WebServer

@Suite struct AccessTests {
    @Sendable private func tell(_ call: Call) async throws -> Reply {
        .json(["user": call.requester.map { .string($0.user.string) } ?? nil])
    }
    private var endpoints: [Endpoint] {
        [
            .get("/anyone", .anyone, tell), .get("/optional", .optional, tell),
            .get("/user", .user(guests: false), tell), .get("/guests", .user(guests: true), tell),
            .get("/admin", .admin, tell), .get("/logout", .user(guests: true), tell).admittingExpiredAccounts,
        ]
    }

    @Test(
        arguments: [
            ("/anyone", nil, nil), ("/anyone", "alice", nil), ("/optional", nil, nil),
            ("/optional", "alice", "@alice:example.org"), ("/user", "alice", "@alice:example.org"),
            ("/guests", "guest", "@guest:example.org"), ("/admin", "admin", "@admin:example.org"),
            ("/logout", "expired", "@expired:example.org"), ("/anyone", "expired", nil),
        ] as [(String, String?, String?)])
    func `who may call is let in, and known where that matters`(path: String, token: String?, user: String?)
        async throws
    {
        try await withServer(endpoints) { server in
            let answer = try await server.client.get(path, token: token)
            #expect(answer.status == 200)
            #expect(answer.json["user"]?.stringValue == user)
        }
    }

    @Test(
        arguments: [
            ("/user", nil, 401, "M_MISSING_TOKEN", "Missing access token"),
            ("/admin", nil, 401, "M_MISSING_TOKEN", "Missing access token"),
            ("/user", "mallory", 401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
            ("/optional", "mallory", 401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
            ("/user", "guest", 403, "M_GUEST_ACCESS_FORBIDDEN", "Guest access not allowed"),
            ("/admin", "alice", 403, "M_FORBIDDEN", "You are not a server admin"),
            ("/user", "expired", 403, "ORG_MATRIX_EXPIRED_ACCOUNT", "User account has expired"),
            ("/optional", "expired", 403, "ORG_MATRIX_EXPIRED_ACCOUNT", "User account has expired"),
        ] as [(String, String?, Int, String, String)])
    func `who may not call learns why`(
        path: String, token: String?, status: Int, code: String, message: String
    ) async throws {
        try await withServer(endpoints) { server in
            let answer = try await server.client.get(path, token: token)
            #expect(answer.status == status)
            #expect(answer.json == ["errcode": .string(code), "error": .string(message)])
        }
    }

    @Test func `a token may be in the query`() async throws {
        try await withServer(endpoints) { server in
            let inQuery = try await server.client.get("/user?access_token=alice")
            #expect(inQuery.status == 200)
            let inBoth = try await server.client.get("/user?access_token=alice", token: "alice")
            #expect(inBoth.status == 401)
        }
    }
}
