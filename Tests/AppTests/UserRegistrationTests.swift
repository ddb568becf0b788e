import MatrixCore
import Testing

@testable import App

@Suite struct UserRegistrationTests {
    @Test func `the proof is the one Synapse computes`() {
        let alice = UserRegistration(localpart: "alice", password: "p\u{E4}ss", isAdmin: true, userType: nil)
        #expect(
            UserRegistration.mac(secret: "sekrit", nonce: "n0nce", of: alice)
                == "9064ec7c7cc6617576f9a0ce3c41685ff89293a0")
        let bob = UserRegistration(localpart: "bob", password: "x", isAdmin: false, userType: "bot")
        #expect(
            UserRegistration.mac(secret: "sekrit", nonce: "n0nce", of: bob)
                == "020da5d1b1a6a35aae3a364efc55f88806821156")
    }

    /// A server that offers a nonce and then answers as told.
    func run(
        _ registration: UserRegistration, nonce: (Int, String) = (200, #"{"nonce":"n0nce"}"#), answer: (Int, String)
    ) async throws -> (UserRegistration.Outcome, JSONObject) {
        var sent = JSONObject()
        let outcome = try await registration.run(secret: "sekrit") { method, path, body in
            #expect(path == "/_synapse/admin/v1/register")
            if method == "GET" { return (nonce.0, Array(nonce.1.utf8)) }
            sent = try JSONObject.parse(body)
            return (answer.0, Array(answer.1.utf8))
        }
        return (outcome, sent)
    }

    let bob = UserRegistration(localpart: "bob", password: "x", isAdmin: false, userType: "bot")

    @Test func `a user is registered with the server's nonce`() async throws {
        let (outcome, sent) = try await run(bob, answer: (200, #"{"user_id":"@bob:example.com"}"#))
        #expect(outcome == .registered("@bob:example.com"))
        #expect(
            sent == [
                "nonce": "n0nce", "username": "bob", "password": "x", "admin": false, "user_type": "bot",
                "mac": "020da5d1b1a6a35aae3a364efc55f88806821156",
            ])
    }

    @Test func `a user that exists is told apart`() async throws {
        let (outcome, _) = try await run(bob, answer: (400, #"{"errcode":"M_USER_IN_USE","error":"taken"}"#))
        #expect(outcome == .existsAlready)
    }

    @Test func `refusals carry the server's words`() async {
        let error = await #expect(throws: UserRegistration.Refusal.self) {
            try await run(bob, answer: (403, #"{"errcode":"M_UNKNOWN","error":"HMAC incorrect"}"#))
        }
        #expect(error?.description == "the server refused: HMAC incorrect (M_UNKNOWN)")
        let other = await #expect(throws: UserRegistration.Refusal.self) {
            try await run(bob, nonce: (404, "<html>"), answer: (200, "{}"))
        }
        #expect(other?.description == "the server offers no registration by shared secret (HTTP 404)")
    }
}
