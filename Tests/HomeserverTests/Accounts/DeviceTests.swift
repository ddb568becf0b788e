import Homeserver
import MatrixCore
import SQLEngine
import TestSupport
import Testing

@Suite struct DeviceTests {
    private func operation(
        _ requester: Requester, uri: String = "/devices/A", auth: JSON? = nil, _ body: JSONObject = [:]
    ) -> InteractiveOperation {
        var body = body
        body["auth"] = auth
        return InteractiveOperation(method: "DELETE", uri: uri, body: body, requester: requester)
    }
    private func password(_ user: String, _ password: String, _ answer: JSONObject) -> JSON {
        [
            "type": "m.login.password", "identifier": ["type": "m.id.user", "user": .string(user)],
            "password": .string(password), "session": answer["session"] ?? .null,
        ]
    }
    private func isAuthenticated(_ outcome: InteractiveAuthOutcome) -> Bool {
        if case .authenticated = outcome { true } else { false }
    }
    private func required(_ outcome: InteractiveAuthOutcome) throws -> JSONObject {
        guard case .required(let answer, session: _) = outcome else { throw NotRefused() }
        return answer
    }

    @Test(arguments: Engine.available)
    func `devices are listed, named and removed`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            try await server.register("alice", device: nil)
            _ = try await server.logIn("alice", device: DeviceRequest(id: "B", displayName: "Bee"))
            let login = try await server.logIn("alice", device: DeviceRequest(id: "A"))
            let requester = try await server.requester(login.accessToken)
            #expect(try await server.devices.devices(of: requester).map(\.id) == ["A", "B"])
            try await server.devices.setDisplayName("New", of: "B", requester: requester)
            try await server.devices.setDisplayName(nil, of: "B", requester: requester)
            #expect(try await server.devices.device("B", of: requester).displayName == "New")
            try await server.devices.delete(["B", "nope", "\0"], of: requester)
            #expect(try await server.devices.devices(of: requester).map(\.id) == ["A"])
            for id: DeviceID in ["B", "nope", "\0"] {
                #expect(
                    try await errorOfRefusal { _ = try await server.devices.device(id, of: requester) }.status == 404)
                let error = try await errorOfRefusal {
                    try await server.devices.setDisplayName("x", of: id, requester: requester)
                }
                #expect(error == .notFound("Not found"))
            }
            let long = String(repeating: "x", count: 101)
            let error = try await errorOfRefusal {
                try await server.devices.setDisplayName(long, of: "A", requester: requester)
            }
            #expect(error.code == .tooLarge)
        }
    }

    @Test(arguments: Engine.available)
    func `the password of the user is asked for, and may be tried again`(engine: Engine) async throws {
        try await withAccounts(engine) { server in
            let requester = try await server.newUser("alice")
            try await server.register("bob", device: nil)
            let (auth, flows) = (server.interactiveAuth, server.interactiveAuth.flowsForUsers)
            let first = try required(try await auth.check(operation(requester), flows: flows))
            #expect(first["flows"] == [["stages": ["m.login.password"]]])

            let wrong = operation(requester, auth: password("alice", "wrong", first))
            let refused = try required(try await auth.check(wrong, flows: flows))
            #expect(refused["errcode"] == "M_FORBIDDEN")
            #expect(refused["session"] == first["session"])
            #expect(refused["completed"] == [])

            let another = operation(requester, auth: password("bob", "correct horse", first))
            #expect(
                try await errorOfRefusal { _ = try await auth.check(another, flows: flows) }
                    == .forbidden("Invalid auth"))

            let right = operation(requester, auth: password("alice", "correct horse", first))
            #expect(isAuthenticated(try await auth.check(right, flows: flows)))
            let repeated = operation(requester, auth: ["session": first["session"] ?? .null])
            #expect(isAuthenticated(try await auth.check(repeated, flows: flows)))
        }
    }

    @Test func `a session is good for its own operation only`() async throws {
        try await withAccounts(.sqlite) { server in
            let requester = try await server.newUser("alice")
            let (auth, flows) = (server.interactiveAuth, server.interactiveAuth.flowsForUsers)
            let first = try required(
                try await auth.check(operation(requester, ["devices": ["A"]]), flows: flows))
            let proof = password("alice", "correct horse", first)
            let elsewhere = operation(requester, uri: "/devices/B", auth: proof)
            #expect(try await errorOfRefusal { _ = try await auth.check(elsewhere, flows: flows) }.status == 403)

            let right = operation(requester, auth: proof, ["devices": ["A"]])
            #expect(isAuthenticated(try await auth.check(right, flows: flows)))
            let changed = operation(requester, auth: proof, ["devices": ["A", "B"]])
            let error = try await errorOfRefusal { _ = try await auth.check(changed, flows: flows) }
            #expect(error.status == 403)
            #expect(error.message == "Requested operation has changed during the UI authentication session.")
        }
    }

    @Test func `a session that one user completed does not speak for another`() async throws {
        try await withAccounts(.sqlite) { server in
            let (alice, bob) = (try await server.newUser("alice"), try await server.newUser("bob"))
            let (auth, flows) = (server.interactiveAuth, server.interactiveAuth.flowsForUsers)
            let first = try required(try await auth.check(operation(alice), flows: flows))
            let proof = operation(alice, auth: password("alice", "correct horse", first))
            #expect(isAuthenticated(try await auth.check(proof, flows: flows)))

            let borrowed = operation(bob, auth: ["session": first["session"] ?? .null])
            #expect(
                try await errorOfRefusal { _ = try await auth.check(borrowed, flows: flows) }
                    == .forbidden("Invalid auth"))
        }
    }

    @Test func `who proved lately who they are is not asked again`() async throws {
        try await withAccounts(.sqlite, configure: { $0.interactiveAuthGrace = .seconds(60) }) { server in
            let requester = try await server.newUser("alice")
            let (auth, flows) = (server.interactiveAuth, server.interactiveAuth.flowsForUsers)
            #expect(isAuthenticated(try await auth.check(operation(requester), flows: flows)))
            server.time.advance(by: .seconds(61))
            let first = try required(try await auth.check(operation(requester), flows: flows))
            let proof = operation(requester, auth: password("alice", "correct horse", first))
            #expect(isAuthenticated(try await auth.check(proof, flows: flows)))
            #expect(isAuthenticated(try await auth.check(operation(requester, uri: "/devices/B"), flows: flows)))
        }
    }

    @Test func `stages outside the flows do not count`() async throws {
        try await withAccounts(.sqlite) { server in
            let requester = try await server.newUser("alice")
            let dummy = operation(requester, auth: ["type": "m.login.dummy"])
            let error = try await errorOfRefusal {
                _ = try await server.interactiveAuth.check(dummy, flows: server.interactiveAuth.flowsForUsers)
            }
            #expect(error == .invalidParam("Invalid login submission"))
        }
    }
}
